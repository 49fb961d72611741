import { readBoolean } from './boolean.ts';
import { cellError } from './cell-error.ts';
import type { ResourceField } from './contract.ts';
import { getFieldKind } from './field-kinds.ts';

/**
 * One value that can be chosen: as a control sends it and `parse` reads it, and as a list shows it.
 */
export interface Choice {
  value: string;
  label: string;
}

/**
 * The values of an enum. One that is chosen and not offered any more is among them, so that it is
 * not lost unseen.
 */
export function choicesOf(field: ResourceField, chosen: readonly string[] = []): Choice[] {
  const known = (field.enum?.values ?? []).map(({ name }) => ({
    value: textOf(name, field) || name,
    label: choiceInWords(name, field),
  }));
  const others = chosen.filter(
    (value) => value !== '' && !known.some((choice) => choice.value === value),
  );
  return [...known, ...others.map((value) => ({ value, label: choiceInWords(value, field) }))];
}

/** Yes and no in a filter, as they were written there: an address may have other words for them. */
export function answersOf(
  field: ResourceField,
  chosen: readonly string[],
  words: readonly [yes: string, no: string],
): [Choice, Choice] {
  const written = (answer: boolean) =>
    chosen.find((value) => readBoolean(value) === answer) ?? String(answer);
  const answer = (is: boolean, label: string): Choice =>
    field.kind
      ? { value: textOf(is, field), label: wordsOf(is, field) || label }
      : { value: written(is), label };
  return [answer(true, words[0]), answer(false, words[1])];
}

function textOf(value: unknown, field: ResourceField): string {
  return String(getFieldKind(field).toForm(value, field));
}

/** How a value of an enum is shown wherever it can be chosen: as in a list. */
function choiceInWords(name: string, field: ResourceField): string {
  const words = field.meta.isList ? '' : wordsOf(name, field);
  return words.trim() === '' || words === cellError(field.label) ? name : words;
}

function wordsOf(value: unknown, field: ResourceField): string {
  return field.format ? field.format(value) : (field.kind?.format(value, field).text ?? '');
}
