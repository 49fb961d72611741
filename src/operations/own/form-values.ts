import { AppError } from '../../errors.ts';
import type { ResourceField } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { textsOf } from '../../form-texts.ts';
import { limits, limitTexts } from '../../limits.ts';
import { didYouMean } from '../../nearest.ts';
import type { Resource } from '../../resources/contract.ts';
import { givenText } from '../given-text.ts';
import { assertNoErrors, type GivenValues } from '../parse-given.ts';

/** What was typed into an operation's own form, by control, as its kind writes it. */
export type OwnFormTexts = Readonly<Record<string, string>>;

/** Name of a control in a form's body. */
export function controlName({ name }: Pick<ResourceField, 'name'>): string {
  return `form.${name}`;
}

/**
 * What the form would send of values by control. Throws AppError 'invalid-operation' (422) with
 * details.fieldErrors.
 */
export function bodyOfForm(
  inputs: readonly ResourceField[],
  { reader }: Pick<Resource, 'reader'>,
  values: GivenValues,
): Record<string, string | string[]> {
  const fieldErrors: Record<string, string> = {};
  const body: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(values)) {
    const input = inputs.find((one) => one.name === name);
    const known = inputs.map((one) => one.name);
    if (!input) fieldErrors[name] = `There is no “${name}” to fill in.${didYouMean(name, known)}`;
    if (!input) continue;
    const text = givenText(value, input, reader);
    if ('error' in text) fieldErrors[name] = text.error;
    else body[controlName(input)] = text.value;
  }
  assertNoErrors(fieldErrors);
  return body;
}

/** Throws AppError 'invalid-operation' (422) with what is wrong, by control. */
export function parseForm(
  inputs: readonly ResourceField[],
  { reader }: Pick<Resource, 'reader'>,
  body: Record<string, unknown>,
): OwnFormTexts {
  const fieldErrors: Record<string, string> = {};
  const texts: Record<string, string> = {};
  for (const input of inputs) {
    const kind = getFieldKind(input);
    const parsed = kind.parse(textsOf(body[controlName(input)]), input, reader);
    if ('error' in parsed) fieldErrors[input.name] = parsed.error;
    else texts[input.name] = String(kind.toForm(parsed.value, input, reader));
    if ((texts[input.name]?.length ?? 0) > limits.bulk.textLength)
      fieldErrors[input.name] = limitTexts.bulkText(input.label);
  }
  if (Object.keys(fieldErrors).length === 0) return texts;
  throw new AppError('invalid-operation', 422, 'Some values need attention. Nothing was changed.', {
    fieldErrors,
  });
}

/** The typed values that the project's code is given. */
export function formValues(
  inputs: readonly ResourceField[],
  { reader }: Pick<Resource, 'reader'>,
  texts: OwnFormTexts,
): Record<string, unknown> {
  const values = inputs.map((input) => {
    const parsed = getFieldKind(input).parse(texts[input.name] ?? '', input, reader);
    return [input.name, 'error' in parsed ? null : parsed.value];
  });
  return Object.fromEntries(values);
}

/** `Reason: too small`, a line for each control that was filled in. */
export function formInWords(
  inputs: readonly ResourceField[],
  { reader }: Pick<Resource, 'reader'>,
  texts: OwnFormTexts,
): string[] {
  return inputs.flatMap((input) => {
    const text = texts[input.name] ?? '';
    if (text === '') return [];
    const kind = getFieldKind(input);
    const parsed = kind.parse(text, input, reader);
    return [
      `${input.label}: ${'error' in parsed ? text : kind.format(parsed.value, input, reader).text}`,
    ];
  });
}
