import type { FieldKind } from './contract.ts';
import { clearable, required, single } from './input.ts';

/** Longest text a column of this type takes: `varchar(20)`, `character(3)`. */
function limitOf(sqlType: string | null): number | null {
  const match = /^(?:varchar|character)\((\d+)\)$/.exec(sqlType ?? '');
  return match ? Number(match[1]) : null;
}

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
  changesOf: clearable,
};
