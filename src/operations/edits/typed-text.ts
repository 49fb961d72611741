import type { Parsed, ResourceField } from '../../fields/contract.ts';
import { limits, limitTexts } from '../../limits.ts';
import type { Controls } from './contract.ts';

/**
 * A text as it was typed, spaces and all; nothing typed is an error unless nothing is what is
 * meant.
 */
export function parseText(
  controls: Controls,
  control: string,
  { label }: ResourceField,
  what: string,
  mayBeEmpty = false,
): Parsed<string> {
  const text = (controls(control).at(-1) ?? '').replaceAll('\r\n', '\n');
  if (text === '' && !mayBeEmpty) return { error: `Give ${what} for ${label}, or untick it.` };
  if (text.includes('\0')) return { error: `${label} has a character that cannot be stored.` };
  return text.length > limits.bulk.textLength
    ? { error: limitTexts.bulkText(label) }
    : { value: text };
}
