import type { FieldKind } from './contract.ts';
import { required, single } from './input.ts';
import { textOperators } from './operators/text.ts';

/** Longest text a column of this type takes: `varchar(20)`, `character(3)`. */
function limitOf(sqlType: string | null): number | null {
  const match = /^(?:varchar|character)\((\d+)\)$/.exec(sqlType ?? '');
  return match ? Number(match[1]) : null;
}

// Postgres fills `character(5)` up with blanks that mean nothing.
function asText(value: unknown, sqlType: string | null): string {
  if (value === null || value === undefined) return '';
  return sqlType?.startsWith('character') ? String(value).replace(/ +$/, '') : String(value);
}

export const text: FieldKind = {
  name: 'text',
  input: 'text',
  filter: null,
  isSortable: true,
  isSearchable: true,
  format: (value, { meta }) => ({ text: asText(value, meta.sqlType), align: 'start' }),
  toForm: (value, { meta }) => asText(value, meta.sqlType),
  parse(input, field) {
    const given = single(input)?.replaceAll('\r\n', '\n') ?? null;
    if (given === null) return required(field);
    if (given.includes('\0') || !given.isWellFormed())
      return { error: `${field.label} has a character that cannot be stored.` };
    const limit = limitOf(field.meta.sqlType);
    if (limit !== null && [...given].length > limit)
      return { error: `${field.label} may have at most ${limit} characters.` };
    return { value: given };
  },
  toSql: (value) => (value === null ? null : String(value)),
  fromText: (text) => text,
  operators: () => textOperators,
};
