import type { FilterOperator } from '../contract.ts';
import { emptiness } from './empty.ts';
import { asTyped, needsValue, type ReadFilterText, readAll } from './read-all.ts';

/** A list that is null is empty. */
const listEmptiness = emptiness(
  ({ meta }) => ({ OR: [{ [meta.name]: { equals: null } }, { [meta.name]: { isEmpty: true } }] }),
  ({ meta }) => ({ [meta.name]: { isEmpty: false } }),
);

/** Of a scalar list: has any, all, or none of the values. */
export function listOperators(readItem: ReadFilterText | null): readonly FilterOperator[] {
  if (!readItem) return listEmptiness;
  const read = asTyped(readItem);
  const operator = (
    name: string,
    label: string,
    where: (name: string, values: unknown[]) => Record<string, unknown>,
  ): FilterOperator => ({
    name,
    label,
    input: 'many',
    value: null,
    includesEmpty: name === 'none',
    where(texts, field, context) {
      const values = readAll(read, texts, field, context);
      if ('error' in values) return values;
      // A kind of the project's own reads a list of them.
      const items = values.value.flat();
      return items.length === 0 ? needsValue(field) : { value: where(field.meta.name, items) };
    },
  });
  return [
    operator('has', 'has any of', (name, values) => ({ [name]: { hasSome: values } })),
    operator('all', 'has all of', (name, values) => ({ [name]: { hasEvery: values } })),
    operator('none', 'has none of', (name, values) => ({
      OR: [{ [name]: { equals: null } }, { NOT: { [name]: { hasSome: values } } }],
    })),
    ...listEmptiness,
  ];
}
