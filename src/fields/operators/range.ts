import type { FilterOperator } from '../contract.ts';
import { asTyped, type ReadFilterText, readAll } from './read-all.ts';

function bound(
  name: string,
  label: string,
  comparison: 'gte' | 'lte',
  read: ReadFilterText,
): FilterOperator {
  return {
    name,
    label,
    input: 'one',
    value: null,
    includesEmpty: false,
    where(texts, field, context) {
      const values = readAll(read, texts, field, context);
      return 'error' in values
        ? values
        : { value: { [field.meta.name]: { [comparison]: values.value[0] } } };
    },
  };
}

/** At least, at most, and between, both ends included. */
export function ranges(readPlain: ReadFilterText): readonly FilterOperator[] {
  const read = asTyped(readPlain);
  return [
    bound('min', 'at least', 'gte', read),
    bound('max', 'at most', 'lte', read),
    {
      name: 'between',
      label: 'between',
      input: 'range',
      value: null,
      includesEmpty: false,
      where(texts, field, context) {
        if (texts.length !== 2)
          return { error: `${field.label} is compared with two values, such as 1..9.` };
        const ends = readAll(read, texts, field, context);
        return 'error' in ends
          ? ends
          : { value: { [field.meta.name]: { gte: ends.value[0], lte: ends.value[1] } } };
      },
    },
  ];
}
