import { type Read, readAll } from './read-all.ts';
import type { FilterOperator } from '../contract.ts';
import { emptiness } from './empty.ts';

/** A list that is null is empty. */
const listEmptiness = emptiness(
  ({ meta }) => ({ OR: [{ [meta.name]: { equals: null } }, { [meta.name]: { isEmpty: true } }] }),
  ({ meta }) => ({ [meta.name]: { isEmpty: false } }),
);

/** Of a scalar list: has any, all, or none of the values. */
export function listOperators(read: Read | null): readonly FilterOperator[] {
  if (!read) return listEmptiness;
  const operator = (name: string, label: string, where: (name: string, values: unknown[]) => Record<string, unknown>): FilterOperator => ({
    name,
    label,
    input: 'many',
    value: null,
    includesEmpty: name === 'none',
    where(texts, field, context) {
      const values = readAll(read, texts, field, context);
      return 'error' in values ? values : { value: where(field.meta.name, values.value) };
    },
  });
  return [
    operator('has', 'has any of', (name, values) => ({ [name]: { hasSome: values } })),
    operator('all', 'has all of', (name, values) => ({ [name]: { hasEvery: values } })),
    operator('none', 'has none of', (name, values) => ({ OR: [{ [name]: { equals: null } }, { NOT: { [name]: { hasSome: values } } }] })),
    ...listEmptiness,
  ];
}
