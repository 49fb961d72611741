import { type Sql, sql } from '../../db/sql.ts';
import type { ResourceField } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Edit, FieldText } from './contract.ts';
import { decimalOf } from './decimal.ts';
import { cast, everyDigit, type Family, familyOf, isMany } from './field-family.ts';
import { fitFloat, fitNumber, floatOf, shortestText } from './number-room.ts';

/** The value of another field of the same record, as it was before the change. */
export const copy: Edit<string> = {
  name: 'copy',
  isConstant: false,
  canOverflow: true,
  fits: (field, resource) => sourcesOf(field, resource).length > 0,
  inputs: (field, resource) => [
    {
      name: 'from',
      control: 'field-name',
      choices: sourcesOf(field, resource).map(({ name }) => name),
    },
  ],
  parse(controls, field, resource) {
    const wanted = controls('from').at(-1) ?? '';
    if (wanted === '')
      return { error: `Choose a field to copy into ${field.label}, or untick it.` };
    const source = sourcesOf(field, resource).find(({ name }) => name === wanted);
    return source
      ? { value: source.meta.name }
      : { error: `“${wanted}” cannot be copied into ${field.label}.` };
  },
  sql: (value, { field, columnOf, metaOf }) => copied(columnOf(value), metaOf(value), field),
  twin: (_current, value, { field, other, metaOf }) => fitCopy(other(value), metaOf(value), field),
  describe: (value, _field, resource) =>
    `copied from ${resource.fields.find(({ meta }) => meta.name === value)?.label ?? value}`,
};

/** Fields the person sees whose values are of the same nature. */
function sourcesOf(field: ResourceField, resource: Resource): ResourceField[] {
  if (isMany(field) || getFieldKind(field).input === 'none') return [];
  return resource.fields.filter(
    (source) =>
      source.meta.name !== field.meta.name && source.meta.column !== null && canCopy(source, field),
  );
}

const numbers: readonly (Family | null)[] = ['integer', 'decimal', 'float'];

function canCopy(from: ResourceField, to: ResourceField): boolean {
  if (from.meta.isList || from.relation?.model !== to.relation?.model) return false;
  // What a kind of the project's own says is no value of another's.
  if ((from.kind || to.kind) && from.kind?.name !== to.kind?.name) return false;
  if (from.meta.type === to.meta.type && from.meta.sqlType === to.meta.sqlType) return true;
  const [source, target] = [familyOf(from.meta), familyOf(to.meta)];
  return (
    source !== null && (source === target || (numbers.includes(source) && numbers.includes(target)))
  );
}

// PostgreSQL says of NaN and infinity as an integer that there is no such cast, unless they are
// floats: then that there is no room.
function copied(column: Sql, from: FieldMeta, to: FieldMeta): Sql {
  const number =
    familyOf(from) === 'float' && familyOf(to) !== 'float' ? everyDigit(column) : column;
  if (familyOf(to) !== 'integer' || familyOf(from) === 'integer') return cast(number, to);
  return sql`case when ${column} = any ('{NaN,Infinity,-Infinity}') then ${cast(sql`${column}::float8`, to)} else ${cast(number, to)} end`;
}

function fitCopy(value: FieldText, from: FieldMeta, to: FieldMeta): FieldText {
  if (typeof value !== 'string') return value;
  if (to.sqlType === 'date') return value.slice(0, 'YYYY-MM-DD'.length);
  const family = familyOf(to);
  if (!numbers.includes(family)) return value;
  const isFloat = familyOf(from) === 'float';
  if (family === 'float') return fitFloat(isFloat ? floatOf(value, from) : Number(value), to);
  return fitNumber(decimalOf(isFloat ? shortestText(value, from) : value), to);
}
