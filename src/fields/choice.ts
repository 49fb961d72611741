import type { FieldKind, ResourceField } from './contract.ts';
import { required, single } from './input.ts';
import { nullness } from './operators/empty.ts';
import { equality } from './operators/equality.ts';

function find(field: ResourceField, name: string) {
  return field.enum?.values.find((value) => value.name === name);
}

/** An enum. */
export const choice: FieldKind = {
  name: 'choice',
  input: 'select',
  filter: 'choice',
  isSortable: true,
  isSearchable: false,
  format: (value) =>
    value === null || value === undefined
      ? { text: '', align: 'start' }
      : { text: String(value), align: 'start', badge: String(value) },
  toForm: (value) => (value === null || value === undefined ? '' : String(value)),
  parse(input, field) {
    const given = single(input);
    if (given === null) return required(field);
    return find(field, given)
      ? { value: given }
      : { error: `"${given}" is not a value of ${field.label}.` };
  },
  toSql: (value, { meta }) =>
    value === null
      ? null
      : (meta.enumValues?.find(({ name }) => name === value)?.dbName ?? String(value)),
  fromText: (text, { meta }) =>
    meta.enumValues?.find(({ dbName }) => dbName === text)?.name ?? text,
  operators: (field) => [...isOrNot, ...nullness(field)],
};

const isOrNot = equality((text, field) => choice.parse(text, field));
