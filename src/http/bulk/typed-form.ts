import { textsOf } from '../../form-texts.ts';
import type { Operation } from '../../operations/contract.ts';
import { controlName } from '../../operations/own/form-values.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TypedForm } from '../../tasks/previewing/preview.ts';
import { parseRunOptions, type RunOptions } from '../../tasks/run-options.ts';
import type { Body } from '../form.ts';
import { bulkTexts } from './bulk-texts.ts';

/** Whose form it is. */
interface Formed {
  resource: Pick<Resource, 'bulkFields'>;
  operation: Pick<Operation, 'inputs'>;
}

/** Controls of how it is run, on a preview. */
const optionNames = ['background', 'skipChanged', 'overlap', 'stopPercent'];

/**
 * What was typed into the form of a bulk change, also for fields that are not ticked; nothing else
 * that was posted.
 */
export function typedForm(
  { resource: { bulkFields }, operation: { inputs = [] } }: Formed,
  body: Body,
): TypedForm {
  const own = new Set(['field', 'reason', ...optionNames, ...inputs.map(controlName)]);
  const isOfField = (name: string) => bulkFields.some((field) => name.endsWith(`.${field.name}`));
  return Object.fromEntries(
    Object.entries(body).flatMap(([name, sent]) => {
      if (!own.has(name) && !isOfField(name)) return [];
      const texts = textsOf(sent).filter(isStorable);
      return texts.some((text) => text !== '') ? [[name, texts]] : [];
    }),
  );
}

// Postgres has no place in jsonb for NUL, nor for half of a surrogate pair.
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** How it was to be run: what a form that has no controls for it carries on. */
export interface CarriedOptions {
  /** Null: as usual. */
  text: string | null;
  inputs: readonly { name: string; value: string }[];
}

export function carriedOptions(body: Body): CarriedOptions {
  const { options } = bulkTexts;
  const given = optionNames.flatMap((name) =>
    textsOf(body[name])
      .slice(-1)
      .map((value) => ({ name, value })),
  );
  const chosen = readable(Object.fromEntries(given.map(({ name, value }) => [name, value])));
  if (!chosen) return { text: null, inputs: [] };
  const words = [
    chosen.inBackground ? options.background : '',
    chosen.skipChanged ? options.skipChanged : '',
    chosen.overlap === 'refuse' ? '' : options.overlap[chosen.overlap],
    chosen.stopRatio === null ? '' : options.stop(Math.round(chosen.stopRatio * 1e6) / 1e4),
  ].filter((text) => text !== '');
  return words.length === 0
    ? { text: null, inputs: [] }
    : { text: options.carried(words), inputs: given };
}

// What cannot be read is said on the preview, where it is typed.
function readable(options: Body): RunOptions | null {
  try {
    return parseRunOptions(options);
  } catch {
    return null;
  }
}

/** The form as it was, with what was typed on the preview since: its reason and its options. */
export function formAfterPreview(formed: Formed, form: TypedForm, body: Body): TypedForm {
  const left = Object.entries(form).filter(
    ([name]) => name !== 'reason' && !optionNames.includes(name),
  );
  return { ...Object.fromEntries(left), ...typedForm(formed, body) };
}
