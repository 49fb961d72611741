import type { FieldKind } from './contract.ts';
import { required, single } from './input.ts';
import { nullness } from './operators/empty.ts';
import { equality } from './operators/equality.ts';

const words = new Map([
  ['true', true],
  ['on', true],
  ['yes', true],
  ['false', false],
  ['off', false],
  ['no', false],
]);

/** The words that an address may have; undefined: none of them. */
export function readBoolean(text: string): boolean | undefined {
  return words.get(text.trim());
}

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
    const value = words.get(given);
    return value === undefined ? { error: `${field.label} must be yes or no.` } : { value };
  },
  toSql: (value) => (value === null ? null : String(value)),
  fromText: (text) => text === 'true' || text === 't',
  operators: (field) => [...isOrNot, ...nullness(field)],
};

// Prisma has no "in" for booleans.
const isOrNot = equality(
  (text, field) => boolean.parse(text, field),
  (name, values) => ({ OR: values.map((value) => ({ [name]: value })) }),
  (name, values) => ({ AND: values.map((value) => ({ [name]: { not: value } })) }),
);
