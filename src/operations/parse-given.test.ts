import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from '@prisma/client/runtime/client';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { AppError } from '../errors.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import { itemField } from '../fields/scalar-list.ts';
import { timestampKind } from '../fields/timestamp.ts';
import { defineOperation, defineResource, kinds, t } from '../index.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import { buildRegistry } from '../resources/registry.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { deleteOperation } from './delete/delete.ts';
import { editNames } from './edits/contract.ts';
import { editsFor } from './edits/edits.ts';
import { ownOperation } from './own/own-operation.ts';
import { parseGiven } from './parse-given.ts';
import { updateOperation } from './update/update.ts';

const defaults = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000, countLimit: 10_000 };
const registryOf = (resources: Parameters<typeof buildRegistry>[0]) =>
  buildRegistry(resources, (() => ({})) as never, {} as never, defaults);
const torture = registryOf(tortureAdmin.resources);

/** A value as code gives it, and as somebody types it. */
type Pair = readonly [value: unknown, typed: string];

const texts: Readonly<Record<string, readonly Pair[]>> = {
  text: [['a"c', 'a"c']],
  uuid: [['6F9619FF-8B86-4011-B42D-00CF4FC964FF', '6f9619ff-8b86-4011-b42d-00cf4fc964ff']],
  network: [['192.0.2.0/24', '192.0.2.0/24']],
  bits: [['1010', '1010']],
  xml: [['<a>1</a>', '<a>1</a>']],
  integer: [
    [7, '7'],
    [7n, '7'],
    ['7', '7'],
  ],
  'big-integer': [
    [9007199254740993n, '9007199254740993'],
    [12, '12'],
  ],
  float: [
    [1.5e-7, '0.00000015'],
    [-3, '-3'],
  ],
  decimal: [
    [new Decimal('7.50'), '7.5'],
    [2.5, '2.5'],
    ['3.0', '3.0'],
  ],
  boolean: [
    [true, 'true'],
    [false, 'no'],
  ],
  json: [
    [{ a: [1, 'two', null], b: { c: 1.5 } }, '{"a":[1,"two",null],"b":{"c":1.5}}'],
    ['text', '"text"'],
    [[], '[]'],
    [{ add: 1 }, '{"add":1}'],
    [false, 'false'],
  ],
};

const times: Readonly<Record<ReturnType<typeof timestampKind>, readonly Pair[]>> = {
  date: [
    [new Date('2026-02-28'), '2026-02-28'],
    ['2026-02-28', '2026-02-28'],
  ],
  time: [[new Date('1970-01-01T14:30:15.25Z'), '14:30:15.25']],
  timestamp: [
    [new Date('2026-02-28T14:30:15.25Z'), '2026-02-28 14:30:15.25'],
    ['2026-02-28T14:30:15.250Z', '2026-02-28 14:30:15.25'],
  ],
};

/** Of one value of the field, or of an item of its list. */
function pairsOf(field: ResourceField): readonly Pair[] {
  const { name } = field.relation ? scalarKind(field.meta) : getFieldKind(field);
  if (name === 'choice') return (field.enum?.values ?? []).map((value) => [value.name, value.name]);
  if (name === 'date-time') return times[timestampKind(field.meta.sqlType)];
  return texts[name] ?? assert.fail(`no value of ${name}`);
}

const isManyToMany = ({ relation }: ResourceField) => relation?.kind === 'many-to-many';

/** What code gives for one edit of one field, and what the form has for the same. */
function givenFor(
  field: ResourceField,
  edit: string,
): readonly [unknown, Record<string, unknown>][] {
  const one = (control: string, given: unknown, typed: unknown = String(given)) =>
    [given, { [control]: typed }] as [unknown, Record<string, unknown>];
  switch (edit) {
    case 'set':
    case 'fill':
      return pairsOf(field).map(([value, typed]) => one('value', value, typed));
    case 'add':
    case 'remove':
    case 'replace': {
      if (isManyToMany(field)) return [one('value', ['1', 2], ['1', '2']), one('value', 3n, ['3'])];
      const items = pairsOf(itemField(field));
      const [[first, typed]] = items as [Pair];
      return [
        one(
          'value',
          items.map(([value]) => value),
          items.map(([, item]) => item).join('\n'),
        ),
        one('value', first, typed),
      ];
    }
    case 'append':
    case 'prepend':
      return [one('value', ' and more', ' and more')];
    case 'find-replace':
    case 'find-replace-pattern':
      return [
        [
          { find: 'a', with: '' },
          { find: 'a', with: '' },
        ],
      ];
    case 'letter-case':
      return [one('case', 'upper')];
    case 'increase':
      return [one('value', -2), one('value', 10n, '+10')];
    case 'multiply':
    case 'percent':
      return [one('value', 1e-7, '0.0000001'), one('value', new Decimal('2.50'), '2.5')];
    case 'round':
      return [one('places', -1)];
    case 'shift':
      return [
        [
          { value: 3, unit: 'days' },
          { value: '3', unit: 'days' },
        ],
      ];
    default:
      return [[true, {}]];
  }
}

const whole = { set: 'set', replace: 'replace' } as const;

function bothOf(
  resource: Resource,
  field: ResourceField,
  edit: string,
  given: unknown,
  form: object,
) {
  const controls = Object.entries(form).map(([name, typed]) => [`${name}.${field.name}`, typed]);
  return {
    typed: updateOperation.parse(resource, {
      field: field.name,
      [`change.${field.name}`]: edit,
      ...Object.fromEntries(controls),
    }),
    given: (name: string, value: unknown = { [edit]: given }) =>
      parseGiven(updateOperation, resource, { [name]: value }),
  };
}

test('what code gives is what a form gives: every edit of every kind of field', () => {
  const seenKinds = new Set<string>();
  const seenEdits = new Set<string>();
  for (const resource of torture.list)
    for (const field of resource.bulkFields)
      for (const { name: edit, inputs } of editsFor(field, resource)) {
        const about = `${edit} of ${resource.slug}.${field.name}`;
        const choices = inputs(field, resource)[0]?.choices ?? [];
        const all =
          edit === 'copy'
            ? choices.flatMap((from) => {
                const source = resource.fields.find(({ name }) => name === from);
                return [from, source?.meta.name].map((name) => [name, { from }] as const);
              })
            : givenFor(field, edit);
        for (const [given, form] of all) {
          const { typed, given: parse } = bothOf(resource, field, edit, given, form);
          assert.deepEqual(parse(field.name), typed, about);
          assert.deepEqual(parse(field.meta.name), typed, about);
          // The value alone is what the field becomes.
          if (edit in whole) assert.deepEqual(parse(field.name, given), typed, about);
          if (edit === 'clear') assert.deepEqual(parse(field.name, null), typed, about);
        }
        seenKinds.add(getFieldKind(field).name);
        seenEdits.add(edit);
      }
  assert.deepEqual(seenEdits, new Set(editNames));
  const fields = torture.list.flatMap(({ bulkFields }) =>
    bulkFields.map((one) => getFieldKind(one).name),
  );
  assert.deepEqual(seenKinds, new Set(fields));
  assert.ok(seenKinds.size > 20, [...seenKinds].join());
});

test('a date means the same instant in whoever’s time zone, also at an hour that comes twice', () => {
  const everything = torture.get('everythings');
  for (const timeZone of ['Europe/Berlin', 'America/New_York'])
    for (const at of ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z']) {
      const resource = { ...everything, reader: { timeZone } };
      const given = { timestamptz: new Date(at), date: new Date('2026-10-25') };
      const { changes } = parseGiven(updateOperation, resource, given);
      assert.deepEqual(
        changes.map(({ value }) => value),
        [at.slice(0, -1).replace(/$/, 'Z'), '2026-10-25'],
      );
    }
});

function errorsOf(run: () => unknown): Readonly<Record<string, string>> {
  try {
    run();
  } catch (error) {
    const { code, status, details, message } = error as AppError;
    assert.deepEqual([code, status], ['invalid-operation', 422], message);
    return details.fieldErrors ?? {};
  }
  assert.fail('it was taken');
}

const wrong: readonly [given: Record<string, unknown>, errors: Record<string, string>][] = [
  [{ int: 'ten' }, { int: 'Int must be a whole number.' }],
  [
    { int: 1.5, mood: 'glad' },
    { int: 'Int must be a whole number.', mood: '"glad" is not a value of Mood.' },
  ],
  [
    { floatt: 1 },
    { floatt: 'There is no field "floatt" that can be changed in bulk. Did you mean "float"?' },
  ],
  [{ text: undefined }, { text: 'parameters.text is undefined.' }],
  [{ json: { a: [undefined] } }, { json: 'parameters.json.a.0 is undefined.' }],
  [{ float: Number.NaN }, { float: 'parameters.float is NaN.' }],
  [
    { text: { a: 1 } },
    {
      text: 'Give Text a value, or one of these with what it asks for: set, fill, append, prepend, find-replace, find-replace-pattern, trim, letter-case, copy, clear, empty.',
    },
  ],
  [{ text: new Date(0) }, { text: 'Text takes no such value.' }],
  [{ text: ['a'] }, { text: 'Text takes no such value.' }],
  [{ text: '' }, { text: 'Give a value for Text, or untick it.' }],
  [{ text: { set: null } }, { text: 'Give a value for Text, or untick it.' }],
  [
    { text: { multiply: 2 } },
    {
      text: 'Give Text a value, or one of these with what it asks for: set, fill, append, prepend, find-replace, find-replace-pattern, trim, letter-case, copy, clear, empty.',
    },
  ],
  [{ text: { append: { a: 1 } } }, { text: 'Text: “value” is a text or a number.' }],
  [
    { text: { 'find-replace': 'a' } },
    { text: 'Text: “find-replace” takes an object of find, with.' },
  ],
  [
    { text: { 'find-replace': { find: 'a', wiht: 'b' } } },
    { text: 'Text: “find-replace” takes no “wiht”.' },
  ],
  [{ boolean: { toggle: false } }, { boolean: 'Boolean: “toggle” is said by true.' }],
  [{ bytes: 'x' }, { bytes: 'There is no field "bytes" that can be changed in bulk.' }],
];

for (const [given, errors] of wrong)
  test(`refused: ${Object.values(errors).join(' ')}`, () => {
    const resource = torture.get('everythings');
    assert.deepEqual(
      errorsOf(() => parseGiven(updateOperation, resource, given)),
      errors,
    );
  });

test('a number that JavaScript writes with an exponent is given in digits', () => {
  const { changes } = parseGiven(updateOperation, torture.get('everythings'), {
    decimal: 1e-7,
    float: 1e21,
  });
  assert.deepEqual(
    changes.map(({ value }) => value),
    ['0.0000001', '1e+21'],
  );
});

test('items of a list are told apart from what is none', () => {
  const lists = torture.get('scalar-lists');
  const parse = (given: object) => parseGiven(updateOperation, lists, given);
  for (const texts of [[null], [['a']], [{ a: 1 }], [new Date(0)]])
    assert.deepEqual(
      errorsOf(() => parse({ texts })),
      { texts: 'Texts takes no such value.' },
    );
  assert.deepEqual(parse({ texts: ['', ' a ', '"'] }).changes, [
    { field: 'texts', change: 'replace', value: ['', ' a ', '"'] },
  ]);
  assert.deepEqual(parse({ texts: [] }).changes, [
    { field: 'texts', change: 'clear', value: null },
  ]);
});

test('a kind of the project’s own is given its values', () => {
  const cents = {
    ...kinds.integer,
    name: 'cents',
    toForm: (value: unknown) => (value === null ? '' : (Number(value) / 100).toFixed(2)),
    parse: (input: unknown) => ({ value: Math.round(Number([input].flat().at(-1)) * 100) }),
  };
  const cities = registryOf([
    defineResource(metadata, 'City', { fields: { population: { kind: cents } } }),
  ]).get('cities');
  const parse = (given: object) => parseGiven(updateOperation, cities, given).changes[0]?.value;
  assert.deepEqual(
    [parse({ population: 550 }), parse({ population: { increase: -550 } })],
    ['550', '-550'],
  );
});

const mark = ownOperation(
  defineOperation(metadata, 'City', {
    name: 'mark',
    label: 'Mark…',
    icon: 'flag',
    form: {
      note: t.text({ label: 'Note', required: true }),
      day: t.date({ label: 'Day' }),
      many: t.integer(),
      how: t.choice(['well', 'badly']),
      sure: t.yesNo(),
      share: t.number(),
    },
    change: ({ params }) => ({ notes: params.note, reviewedAt: params.day }),
  }),
);

test('an operation of the project’s own is given what its form asks for', () => {
  const cities = registryOf([defineResource(metadata, 'City', {})]).get('cities');
  const given = {
    note: 'seen',
    day: new Date('2026-11-29'),
    many: 3,
    how: 'well',
    sure: false,
    share: 0.5,
  };
  const typed = {
    'form.note': 'seen',
    'form.day': '2026-11-29',
    'form.many': '3',
    'form.how': 'well',
    'form.sure': 'no',
    'form.share': '.5',
  };
  assert.deepEqual(parseGiven(mark, cities, given), mark.parse(cities, typed));
  assert.deepEqual(
    parseGiven(mark, cities, { note: 'x', day: null }),
    mark.parse(cities, { 'form.note': 'x' }),
  );
  assert.deepEqual(
    errorsOf(() => parseGiven(mark, cities, { note: 'x', dya: 1 })),
    {
      dya: 'There is no “dya” to fill in. Did you mean "day"?',
    },
  );
  assert.deepEqual(
    errorsOf(() => parseGiven(mark, cities, { many: 1.5 })),
    {
      note: 'Note is required.',
      many: 'Many must be a whole number.',
    },
  );
  assert.deepEqual(
    errorsOf(() => parseGiven(mark, cities, { note: { a: 1 } })),
    {
      note: 'Note takes no such value.',
    },
  );
});

test('what asks for nothing takes nothing', () => {
  const cities = registryOf([defineResource(metadata, 'City', {})]).get('cities');
  assert.deepEqual(parseGiven(deleteOperation, cities, {}), {});
  assert.deepEqual(
    errorsOf(() => parseGiven(deleteOperation, cities, { status: 'draft' })),
    {
      status: '“delete” takes no parameters.',
    },
  );
  assert.deepEqual(
    errorsOf(() => parseGiven(deleteOperation, cities, [])),
    {
      parameters: 'parameters is no plain object.',
    },
  );
  assert.deepEqual(
    errorsOf(() => parseGiven(updateOperation, cities, {})),
    {},
  );
});
