import type { ResourceField } from '../resource-field.ts';
import { type FilterOperator, readAll } from './contract.ts';
import { emptiness } from './empty.ts';
import { equality } from './equality.ts';

/** Text operators of Prisma take `%` and `_` for wildcards, and the backslash to escape them. */
export function escapePattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function readText(text: string, field: ResourceField) {
  return text.includes('\0') || !text.isWellFormed() ? { error: `No ${field.label} has this character.` } : { value: text };
}

function pattern(name: string, label: string, comparison: 'contains' | 'startsWith' | 'endsWith' | 'equals'): FilterOperator {
  return {
    name,
    label,
    input: 'one',
    value: null,
    includesEmpty: false,
    where(texts, field, context) {
      const read = readAll(readText, texts, field, context);
      if ('error' in read) return read;
      return { value: { [field.meta.name]: { [comparison]: escapePattern(read.value[0] as string), mode: 'insensitive' } } };
    },
  };
}

/** Empty is null or a text of no characters. */
const blankness = emptiness(
  ({ meta }) => (meta.isRequired ? { [meta.name]: '' } : { OR: [{ [meta.name]: null }, { [meta.name]: '' }] }),
  ({ meta }) => ({ [meta.name]: { not: '' } }),
);

/** `is` is exact; the others do not tell capitals from small letters. */
export const textOperators: readonly FilterOperator[] = [
  pattern('contains', 'contains', 'contains'),
  ...equality(readText),
  pattern('starts', 'starts with', 'startsWith'),
  pattern('ends', 'ends with', 'endsWith'),
  pattern('same', 'is, in any case', 'equals'),
  ...blankness,
];
