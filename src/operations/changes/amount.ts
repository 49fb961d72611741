import type { Parsed } from '../../fields/contract.ts';
import { decimal } from '../../fields/number.ts';
import type { ResourceField } from '../../fields/contract.ts';
import type { Given } from './contract.ts';
import { limits } from '../../limits.ts';

/** A decimal number as text, digit for digit; what is wrong with it names the field. */
export function parseAmount(given: Given, control: string, { label }: ResourceField, what: string): Parsed<string> {
  const text = (given(control).at(-1) ?? '').trim();
  if (text === '') return { error: `Give ${what} for ${label}, or untick it.` };
  const isNumber = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) && text.length <= limits.bulk.numberLength;
  if (!isNumber) return { error: `${what[0]?.toUpperCase()}${what.slice(1)} for ${label} must be a number such as 10 or -2.5.` };
  return {
    value: text
      .replace(/^\+/, '')
      .replace(/^(-?)\./, '$10.')
      .replace(/\.$/, ''),
  };
}

/** A number of a change as the field's own are shown, digit for digit. */
export function amountInWords(text: string, field: ResourceField): string {
  return decimal.format(text, field).text;
}
