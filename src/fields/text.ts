import type { FieldKind } from './contract.ts';
import { required, single } from './input.ts';
import type { FilterOperator } from './operators/contract.ts';
import { nullness } from './operators/empty.ts';
import { equality } from './operators/equality.ts';
import { textOperators } from './operators/text.ts';
import type { ResourceField } from './resource-field.ts';

/** Longest text a column of this type takes: `varchar(20)`, `character(3)`. */
function limitOf(sqlType: string | null): number | null {
  const match = /^(?:varchar|character)\((\d+)\)$/.exec(sqlType ?? '');
  return match ? Number(match[1]) : null;
}

// What Postgres keeps in a form of its own has no parts that a pattern could find.
function textLikeOperators(field: ResourceField): readonly FilterOperator[] {
  const type = field.meta.sqlType?.replace(/\(.*/, '') ?? 'text';
  if (type === 'xml') return nullness(field);
  return ['text', 'varchar', 'character', 'citext'].includes(type) ? textOperators : [...isOrNot, ...nullness(field)];
}

const isOrNot = equality((given, field) => text.parse(given, field));

export const text: FieldKind = {
  name: 'text',
  input: 'text',
  filter: null,
  isSortable: true,
  isSearchable: true,
  format: (value) => ({ text: value === null || value === undefined ? '' : String(value), align: 'start' }),
  toForm: (value) => (value === null || value === undefined ? '' : String(value)),
  parse(input, field) {
    const given = single(input);
    if (given === null) return required(field);
    if (given.includes('\0')) return { error: `${field.label} has a character that cannot be stored.` };
    const limit = limitOf(field.meta.sqlType);
    if (limit !== null && [...given].length > limit) return { error: `${field.label} may have at most ${limit} characters.` };
    return { value: given };
  },
  toSql: (value) => (value === null ? null : String(value)),
  operators: textLikeOperators,
};
