import type { FilterOperator, ResourceField } from '../contract.ts';
import { emptiness } from './empty.ts';
import { equality } from './equality.ts';
import { needsValue, readAll } from './read-all.ts';

/** Text operators of Prisma take `%` and `_` for wildcards, and the backslash to escape them. */
export function escapePattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

/**
 * `character(5)` has 5: Postgres fills it up with blanks, which are no part of the text. Null: a
 * text of its own length.
 */
function paddedLength({ meta }: ResourceField): number | null {
  const [, length] = /^character(?:\((\d+)\))?$/.exec(meta.sqlType ?? '') ?? [];
  return meta.sqlType?.startsWith('character') ? Number(length ?? 1) : null;
}

function readText(text: string, field: ResourceField) {
  if (text.includes('\0') || !text.isWellFormed())
    return { error: `No ${field.label} has this character.` };
  const value = paddedLength(field) === null ? text : text.replace(/ +$/, '');
  return value === '' ? needsValue(field) : { value };
}

type Pattern = (text: string, length: number | null) => Record<string, string>[];

function pattern(name: string, label: string, patterns: Pattern): FilterOperator {
  return {
    name,
    label,
    input: 'one',
    value: null,
    includesEmpty: false,
    words: (text) => text,
    where(texts, field, context) {
      const read = readAll(readText, texts, field, context);
      if ('error' in read) return read;
      const wheres = patterns(escapePattern(read.value[0] as string), paddedLength(field)).map(
        (filter) => ({
          [field.meta.name]: { ...filter, mode: 'insensitive' },
        }),
      );
      return {
        value: wheres.length === 1 ? (wheres[0] as Record<string, unknown>) : { OR: wheres },
      };
    },
  };
}

const blanks = (count: number) => ' '.repeat(Math.max(0, count));
const lengthOf = (escaped: string) => [...escaped.replace(/\\(.)/g, '$1')].length;

/** Empty is null or a text of no characters. */
const blankness = emptiness(
  ({ meta }) =>
    meta.isRequired ? { [meta.name]: '' } : { OR: [{ [meta.name]: null }, { [meta.name]: '' }] },
  ({ meta }) => ({ [meta.name]: { not: '' } }),
);

/** `is` is exact; the others do not tell capitals from small letters. */
export const textOperators: readonly FilterOperator[] = [
  pattern('contains', 'contains', (text) => [{ contains: text }]),
  ...equality(readText),
  pattern('starts', 'starts with', (text) => [{ startsWith: text }]),
  pattern('ends', 'ends with', (text, length) =>
    length === null
      ? [{ endsWith: text }]
      : Array.from({ length: Math.max(1, length - lengthOf(text) + 1) }, (_, count) => ({
          endsWith: text + blanks(count),
        })),
  ),
  pattern('same', 'is, in any case', (text, length) => [
    { equals: text + blanks((length ?? 0) - lengthOf(text)) },
  ]),
  ...blankness,
];
