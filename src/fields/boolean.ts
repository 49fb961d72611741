import type { FieldKind } from './contract.ts';
import { clearable, required, single } from './input.ts';

const words: Record<string, boolean> = { true: true, on: true, yes: true, false: false, off: false, no: false };

export const boolean: FieldKind = {
  name: 'boolean',
  input: 'checkbox',
  filter: 'boolean',
  isSortable: true,
  isSearchable: false,
  format(value) {
    if (value === null || value === undefined) return { text: '', align: 'start' };
    return { text: value ? 'Yes' : 'No', align: 'start', badge: value ? 'yes' : 'no' };
  },
  toForm: (value) => (value === null || value === undefined ? '' : String(value)),
  parse(input, field) {
    const given = single(input);
    if (given === null) return required(field);
    const value = words[given];
    return value === undefined ? { error: `${field.label} must be yes or no.` } : { value };
  },
  toSql: (value) => (value === null ? null : String(value)),
  changesOf: clearable,
  parseFilter({ values }, field) {
    const given = values.filter((value) => value !== '');
    if (given.length === 0) return { value: null };
    const value = words[given[0] as string];
    if (value === undefined || given.length > 1) return { error: `${field.label} must be true or false.` };
    return { value: { [field.meta.name]: value } };
  },
};
