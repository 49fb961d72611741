import { AnyNull } from '@prisma/client/runtime/client';
import { parse, stringify } from 'lossless-json';
import { limits, limitTexts } from '../limits.ts';
import type { FieldKind } from './contract.ts';
import { required, single } from './input.ts';
import { emptiness } from './operators/empty.ts';

/** JSON's own null, which is a value; `null` is no value at all. */
const jsonNull = Object.freeze({ toJSON: () => null });

/** JSON that is kept as the text it is: keys given twice, or deeper than it could be read. */
class UnreadJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Of a value: its JSON text, with every digit. */
function jsonText(value: unknown, indent?: number): string {
  return value instanceof UnreadJson ? value.text : (stringify(value, undefined, indent) ?? '');
}

/** JSON text of the database's as a value whose numbers keep every digit; null for no value. */
export function parseJson(text: string | null): unknown {
  if (text === null) return null;
  try {
    return parse(text) ?? jsonNull;
  } catch {
    return new UnreadJson(text);
  }
}

/** The same as JavaScript and Prisma know it, with numbers as near as they can say them. */
export function plainJson(value: unknown): unknown {
  return value === null ? null : JSON.parse(jsonText(value) || 'null');
}

export const json: FieldKind = {
  name: 'json',
  input: 'textarea',
  filter: null,
  isSortable: false,
  isSearchable: false,
  format: (value) => ({
    text: value === null || value === undefined ? '' : jsonText(value),
    align: 'start',
  }),
  toForm: (value) => (value === null || value === undefined ? '' : jsonText(value, 2)),
  parse(input, field) {
    const given = single(input);
    if (given === null) return required(field);
    if (levelsOf(given) > limits.form.jsonLevels)
      return { error: limitTexts.jsonLevels(field.label) };
    try {
      const value = parse(given) ?? jsonNull;
      return isStorable(value)
        ? { value }
        : { error: `${field.label} has a character that cannot be stored.` };
    } catch (error) {
      return {
        error: `${field.label} is not valid JSON: ${(error as Error).message.replace(/\.$/, '')}.`,
      };
    }
  },
  toSql: (value) => (value === null ? null : jsonText(value)),
  fromText: parseJson,
  operators: (field) => (field.meta.isRequired ? [] : whetherNull),
};

/** Lists and objects in each other, at most; of what is no JSON, any number. */
function levelsOf(text: string): number {
  let [open, max, isInText] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') isInText = !isInText;
    else if (isInText && sign === '\\') at += 1;
    else if (!isInText && (sign === '[' || sign === '{')) max = Math.max(max, ++open);
    else if (!isInText && (sign === ']' || sign === '}')) open -= 1;
  }
  return max;
}

// Postgres has no place in jsonb for NUL, nor for half of a surrogate pair; written as JSON, only
// these are escaped so.
function isStorable(value: unknown): boolean {
  return !/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(jsonText(value));
}

// JSON's own null says as little as no value.
const whetherNull = emptiness(
  ({ meta }) => ({ [meta.name]: { equals: AnyNull } }),
  ({ meta }) => ({ NOT: { [meta.name]: { equals: AnyNull } } }),
);
