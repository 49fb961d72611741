import type { FieldKind, Parsed, ResourceField } from '../../fields/contract.ts';
import { decimal } from '../../fields/number.ts';
import type { Reader } from '../../fields/reader.ts';
import { shownText } from '../../fields/stored-text.ts';
import { limits } from '../../limits.ts';
import type { Controls } from './contract.ts';

/** A decimal number as text, digit for digit; what is wrong with it names the field. */
export function parseAmount(
  controls: Controls,
  control: string,
  { label }: ResourceField,
  what: string,
): Parsed<string> {
  const text = (controls(control).at(-1) ?? '').trim();
  if (text === '') return { error: `Give ${what} for ${label}, or untick it.` };
  const isNumber =
    /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) && text.length <= limits.bulk.numberLength;
  if (!isNumber)
    return {
      error: `${what[0]?.toUpperCase()}${what.slice(1)} for ${label} must be a number such as 10 or -2.5.`,
    };
  return {
    value: text
      .replace(/^\+/, '')
      .replace(/^(-?)\./, '$10.')
      .replace(/\.$/, ''),
  };
}

/**
 * An amount of a kind of the project's own, typed as its values are, as text that PostgreSQL reads.
 * It may have a sign where they have none.
 */
export function parseKindAmount(
  controls: Controls,
  control: string,
  field: ResourceField,
  kind: FieldKind,
  reader: Reader,
): Parsed<string> {
  const text = (controls(control).at(-1) ?? '').trim();
  const missing = { error: `Give an amount for ${field.label}, or untick it.` };
  if (text === '') return missing;
  const [, sign = '', unsigned = ''] = /^([+-])\s*([^+-].*)$/.exec(text) ?? [];
  const whole = kind.parse(text, field, reader);
  const parsed = 'error' in whole && sign !== '' ? kind.parse(unsigned, field, reader) : whole;
  if ('error' in parsed) return whole as { error: string };
  const amount = parsed.value === null ? null : kind.toSql(parsed.value, field);
  if (typeof amount !== 'string') return missing;
  return { value: parsed !== whole && sign === '-' ? negative(amount) : amount };
}

function negative(amount: string): string {
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`;
}

/** An amount in the words of the field's kind, where the project has its own. */
export function kindAmountInWords(text: string, field: ResourceField, reader: Reader): string {
  return field.kind ? shownText(text, field, reader) : amountInWords(text, field);
}

/** A number of a change as the field's own are shown, digit for digit. */
export function amountInWords(text: string, field: ResourceField): string {
  return decimal.format(text, field).text;
}
