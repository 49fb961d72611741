import type { FilterOperator } from '../contract.ts';
import { asTyped, type ReadFilterText, readAll } from './read-all.ts';

type Filter = (name: string, values: unknown[]) => Record<string, unknown>;

const isIn: Filter = (name, values) => ({
  [name]: values.length === 1 ? { equals: values[0] } : { in: values },
});
const isNotIn: Filter = (name, values) => ({
  [name]: values.length === 1 ? { not: values[0] } : { notIn: values },
});

/** Is one of the values, and is none of them. What is empty is none of them. */
export function equality(
  read: ReadFilterText,
  isOneOf: Filter = isIn,
  isNoneOf: Filter = isNotIn,
): readonly FilterOperator[] {
  const operator = { input: 'many', value: null } as const;
  const readTyped = asTyped(read);
  return [
    {
      ...operator,
      name: 'is',
      label: 'is',
      includesEmpty: false,
      where(texts, field, context) {
        const values = readAll(readTyped, texts, field, context);
        return 'error' in values ? values : { value: isOneOf(field.meta.name, values.value) };
      },
    },
    {
      ...operator,
      name: 'not',
      label: 'is not',
      includesEmpty: true,
      where(texts, field, context) {
        const values = readAll(readTyped, texts, field, context);
        if ('error' in values) return values;
        const others = isNoneOf(field.meta.name, values.value);
        return {
          value: field.meta.isRequired ? others : { OR: [{ [field.meta.name]: null }, others] },
        };
      },
    },
  ];
}
