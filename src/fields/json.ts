import type { FieldKind } from './contract.ts';
import { nullness } from './operators/empty.ts';
import { required, single } from './input.ts';

export const json: FieldKind = {
  name: 'json',
  input: 'textarea',
  filter: null,
  isSortable: false,
  isSearchable: false,
  format: (value) => ({ text: value === null || value === undefined ? '' : JSON.stringify(value), align: 'start' }),
  toForm: (value) => (value === null || value === undefined ? '' : JSON.stringify(value, null, 2)),
  parse(input, field) {
    const given = single(input);
    if (given === null) return required(field);
    try {
      const value: unknown = JSON.parse(given);
      // Postgres has no place for it inside jsonb.
      if (given.includes('\\u0000')) return { error: `${field.label} has a character that cannot be stored.` };
      return { value };
    } catch (error) {
      return { error: `${field.label} is not valid JSON: ${(error as Error).message}.` };
    }
  },
  toSql: (value) => (value === null ? null : JSON.stringify(value)),
  operators: nullness,
};
