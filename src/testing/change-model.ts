import fc from 'fast-check';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { type Edit, type FieldText, NoRoom } from '../operations/edits/contract.ts';
import { getEdit } from '../operations/edits/edits.ts';
import { familyOf } from '../operations/edits/field-family.ts';
import type { FieldEdit } from '../operations/field-edit.ts';

/** A record as the model keeps it: texts by field. */
export type ModelRecord = Readonly<Record<string, FieldText>>;

export type RecordFate = 'changed' | 'unchanged' | 'refused';

/**
 * What a change makes of a plain record; `mayBe` says what the database's own constraints would.
 */
export function applyToModel(
  model: ModelMeta,
  record: ModelRecord,
  changes: readonly FieldEdit[],
  mayBe: (record: ModelRecord) => boolean,
): { fate: RecordFate; record: ModelRecord } {
  const next: Record<string, FieldText> = { ...record };
  // A list of lists has no place for a single value.
  const isWithoutPlace = ({ field, change }: FieldEdit) =>
    isNested(record[field] ?? null) && ['add', 'remove'].includes(change);
  if (changes.some(isWithoutPlace)) return { fate: 'refused', record };
  try {
    for (const { field, change, value } of changes)
      next[field] = twinOf(model, record, field, getEdit(change), value);
  } catch (error) {
    if (error instanceof NoRoom) return { fate: 'refused', record };
    throw error;
  }
  const isSame = changes.every(({ field }) =>
    isEqual(model, field, record[field] ?? null, next[field] ?? null),
  );
  if (isSame) return { fate: 'unchanged', record };
  for (const { field } of changes) {
    const kept = asKept(model.fields[field] as FieldMeta, next[field] ?? null);
    if (kept === undefined) return { fate: 'refused', record };
    next[field] = kept;
  }
  if (!mayBe(next)) return { fate: 'refused', record };
  return { fate: 'changed', record: next };
}

/** A list of lists; a place in a list may be empty. */
export function isNested(value: FieldText): boolean {
  return Array.isArray(value) && value.some((item) => Array.isArray(item));
}

function twinOf(
  model: ModelMeta,
  record: ModelRecord,
  name: string,
  change: Edit,
  value: unknown,
): FieldText {
  const field = model.fields[name] as FieldMeta;
  return change.twin(record[name] ?? null, value, {
    field,
    other: (source) => record[source] ?? null,
    metaOf: (source) => model.fields[source] as FieldMeta,
  });
}

/**
 * A text as a column of limited length keeps it: cut where only spaces are lost, refused
 * (undefined) where more would be.
 */
function asKept({ sqlType }: FieldMeta, value: FieldText): FieldText | undefined {
  const limit = Number(
    /^(?:varchar|character)\((\d+)\)$/.exec(sqlType ?? '')?.[1] ?? Number.POSITIVE_INFINITY,
  );
  const characters = typeof value === 'string' ? [...value] : [];
  if (characters.length <= limit) return value;
  return characters.slice(limit).every((character) => character === ' ')
    ? characters.slice(0, limit).join('')
    : undefined;
}

function isEqual(model: ModelMeta, name: string, one: FieldText, other: FieldText): boolean {
  const field = model.fields[name] as FieldMeta;
  return JSON.stringify(canonical(field, one)) === JSON.stringify(canonical(field, other));
}

/** One text for what the database holds to be one value. */
export function canonical(field: FieldMeta, value: FieldText): FieldText {
  if (value === null) return null;
  if (typeof value !== 'string')
    return value.map(
      (item) => canonical({ ...field, isList: false, relation: null }, item) as string,
    );
  const family = field.relation ? null : familyOf(field);
  if (family === 'float') {
    const number = field.sqlType === 'real' ? Math.fround(Number(value)) : Number(value);
    return Object.is(number, -0) ? '-0' : String(number);
  }
  if (family === 'date')
    return new Date(
      /[Z+]|T.*-/.test(value) ? value : `${value.length === 10 ? `${value}T00:00` : value}Z`,
    ).toISOString();
  return field.sqlType?.startsWith('character(') ? value.replace(/ +$/, '') : value;
}

const letters = fc.stringMatching(/^[aBcÉß .1\-\t%_\\]{0,12}$/);
const shortLetters = fc.stringMatching(/^[aBcÉ .1%_]{0,4}$/);
const decimal = (whole: number, places: number) =>
  fc
    .tuple(
      fc.integer({ min: -whole, max: whole }),
      fc.integer({ min: 0, max: 10 ** places - 1 }),
      fc.boolean(),
    )
    .map(([units, fraction, isNegative]) => {
      const sign = units === 0 && isNegative && fraction > 0 ? '-' : '';
      return places === 0
        ? String(units)
        : `${sign}${units}.${String(fraction).padStart(places, '0')}`;
    });
const day = fc
  .integer({ min: -20_000, max: 40_000 })
  .map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10));
const timestamp = fc
  .integer({ min: -1_000_000_000, max: 3_000_000_000 })
  .map((seconds) => new Date(seconds * 1000).toISOString());

const integers: Record<string, fc.Arbitrary<string>> = {
  smallint: fc
    .oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 32_000, max: 32_767 }))
    .map(String),
  integer: fc
    .oneof(
      fc.integer({ min: -40, max: 40 }),
      fc.integer({ min: 2_000_000_000, max: 2_147_483_647 }),
    )
    .map(String),
  bigint: fc
    .oneof(
      fc.bigInt({ min: -40n, max: 40n }),
      fc.bigInt({ min: 2n ** 63n - 50n, max: 2n ** 63n - 1n }),
    )
    .map(String),
};

/** Of types that can only be set as a whole; the rest are enums. */
const otherValues: Readonly<Record<string, readonly string[]>> = {
  String: ['7b4c1f86-4f4e-4f6c-9d7e-0a1b2c3d4e5f', '00000000-0000-4000-8000-000000000000'],
  Json: ['{"a": 1}', '[1, 2.50]', '"x"', '12345678901234567890'],
  DateTime: ['00:00:00', '23:59:59.5'],
};

/** A value that a field may hold. */
export function fieldValue(field: FieldMeta): fc.Arbitrary<string> {
  const limit = Number(/^(?:varchar|character)\((\d+)\)$/.exec(field.sqlType ?? '')?.[1] ?? 40);
  switch (familyOf({ ...field, isList: false })) {
    case 'text':
      return letters.filter(
        (text) =>
          [...text].length <= limit &&
          (!field.sqlType?.startsWith('character') || !text.endsWith(' ')),
      );
    case 'integer':
      return integers[field.sqlType ?? ''] ?? fc.integer({ min: -5, max: 5 }).map(String);
    case 'decimal':
      return fc.oneof(decimal(50, 4), decimal(99_999_999, 4));
    case 'float':
      return fc.oneof(
        decimal(50, 3),
        fc
          .double({ min: -1e6, max: 1e6, noNaN: true })
          .map((number) => String(Math.fround(number))),
      );
    case 'date':
      return field.sqlType === 'date' ? day : timestamp;
    case 'boolean':
      return fc.boolean().map(String);
    default:
      if (field.type in otherValues)
        return fc.constantFrom(...(otherValues[field.type] as string[]));
      return fc
        .constantFrom('happy', 'sad', 'meh')
        .map((name) => ({ happy: 'HAPPY!', sad: 'sad mood', meh: 'meh' })[name] as string);
  }
}

const findings = {
  find: fc.constantFrom('a', 'B', ' ', '.', 'aB', '%', '\\', 'É'),
  with: shortLetters,
};
const patterns = {
  find: fc.constantFrom('a+', '[aB]', '(a)(B)?', '\\s+', '^.', '.$', 'c|É', 'a*'),
  with: fc.constantFrom('', 'x', '<\\1>', '\\&\\&', '\\\\'),
};
const amount = fc.oneof(decimal(20, 0), decimal(20, 2), decimal(2_000_000_000, 0));

/**
 * What may be done to a field of this nature: changes with a value each. `relatedIds` are those
 * that it may lead to, `sourceNames` fields that it may be copied from.
 */
export function changeOf(
  model: ModelMeta,
  field: FieldMeta,
  relatedIds: readonly string[],
  sourceNames: readonly string[],
): fc.Arbitrary<FieldEdit> {
  const made = <C extends FieldEdit['change']>(change: C, value: fc.Arbitrary<unknown>) =>
    value.map((given): FieldEdit => ({ field: field.name, change, value: given }));
  const none = fc.constant(null);
  if (field.isList) {
    const values = fc.uniqueArray(
      field.relation
        ? fc.constantFrom(...relatedIds)
        : fieldValue({
            ...field,
            isList: false,
            sqlType: field.sqlType?.replace('[]', '') ?? null,
          }),
      { minLength: 1, maxLength: 4 },
    );
    return fc.oneof(
      made('add', values),
      made('remove', values),
      made('replace', values),
      made('clear', none),
    );
  }
  if (relatedIds.length > 0) {
    const id = fc.constantFrom(...relatedIds);
    return fc.oneof(made('set', id), made('fill', id), made('clear', none));
  }
  const family = familyOf(field);
  const whole = family === 'integer';
  const numbers: unknown[] = ['integer', 'decimal', 'float'];
  const sources = sourceNames.filter((name) => {
    const other = familyOf(model.fields[name] as FieldMeta);
    return (
      name !== field.name &&
      family !== null &&
      (other === family || (numbers.includes(other) && numbers.includes(family)))
    );
  });
  const choices: fc.Arbitrary<FieldEdit>[] = [made('set', fieldValue(field))];
  if (!field.isRequired) choices.push(made('clear', none), made('fill', fieldValue(field)));
  if (family === 'text') {
    choices.push(
      made('empty', none),
      made(
        'append',
        shortLetters.filter((text) => text !== ''),
      ),
      made(
        'prepend',
        shortLetters.filter((text) => text !== ''),
      ),
      made('find-replace', fc.record(findings)),
      made('find-replace-pattern', fc.record(patterns)),
      made('trim', none),
      made('letter-case', fc.constantFrom('upper', 'lower', 'title')),
    );
  }
  if (family === 'integer' || family === 'decimal' || family === 'float') {
    choices.push(
      made('increase', whole ? decimal(40, 0) : amount),
      made('multiply', fc.constantFrom('2', '-1.5', '0', '0.333', '1000000')),
      made('percent', fc.constantFrom('10', '-12.5', '0', '200')),
      made('round', fc.integer({ min: whole ? -3 : -2, max: whole ? 0 : 3 })),
    );
  }
  if (family === 'date') {
    const unit = fc.constantFrom(
      ...(field.sqlType === 'date' ? [] : ['minutes', 'hours']),
      'days',
      'weeks',
      'months',
      'years',
    );
    choices.push(made('shift', fc.record({ amount: fc.integer({ min: -500, max: 500 }), unit })));
  }
  if (family === 'boolean') choices.push(made('toggle', none));
  if (sources.length > 0) choices.push(made('copy', fc.constantFrom(...sources)));
  return fc.oneof(...choices);
}
