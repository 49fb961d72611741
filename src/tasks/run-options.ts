import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';

/**
 * What to do where another task holds some of the records: nothing, go on without them, or wait for
 * its end.
 */
export type Overlap = 'refuse' | 'skip' | 'wait';

/** What somebody chose beside the operation itself, on the preview. */
export interface RunOptions {
  /** In the background even if few; the good ones are then kept. */
  inBackground: boolean;
  overlap: Overlap;
  /** Leave alone, as conflicted, records written since the preview. */
  skipChanged: boolean;
  /** Stop above this share of refused records, 0 to 1; null is the resource's own rule. */
  stopRatio: number | null;
  /** Why, in the person's words; kept with the task and its changes. */
  changeReason: string | null;
}

export const defaultRunOptions: RunOptions = {
  inBackground: false,
  overlap: 'refuse',
  skipChanged: false,
  stopRatio: null,
  changeReason: null,
};

/** Reads them out of a form. Throws AppError 422 with details.fieldErrors. */
export function parseRunOptions(body: Readonly<Record<string, unknown>>): RunOptions {
  const text = (name: string) => String([body[name]].flat().at(-1) ?? '').trim();
  const fieldErrors: Record<string, string> = {};
  const overlap = text('overlap') || defaultRunOptions.overlap;
  if (!isOverlap(overlap)) fieldErrors.overlap = 'Choose what to do with records that are held.';
  const percent = text('stopPercent');
  const isPercent = /^\d{1,3}(\.\d+)?$/.test(percent) && Number(percent) <= 100;
  if (percent !== '' && !isPercent)
    fieldErrors.stopPercent = 'Give a percentage from 0 to 100, or nothing.';
  const reason = text('reason');
  if (!isReason(reason)) fieldErrors.reason = limitTexts.reason;
  assertNoErrors(fieldErrors);
  return {
    inBackground: text('background') === 'yes',
    overlap: overlap as Overlap,
    skipChanged: text('skipChanged') === 'yes',
    stopRatio: percent === '' ? null : Number(percent) / 100,
    changeReason: reason === '' ? null : reason,
  };
}

/**
 * The same of what code says. Throws AppError 422 with details.fieldErrors by the names of options.
 */
export function assertRunOptions(given: Partial<RunOptions>): RunOptions {
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  const options = { ...defaultRunOptions, ...Object.fromEntries(said) };
  const { overlap, stopRatio } = options;
  const changeReason = options.changeReason?.trim() || null;
  const fieldErrors: Record<string, string> = {};
  for (const name of Object.keys(options))
    if (!Object.hasOwn(defaultRunOptions, name))
      fieldErrors[name] = `There is no option “${name}”.`;
  if (!isOverlap(overlap)) fieldErrors.overlap = 'Overlap is refuse, skip or wait.';
  if (stopRatio !== null && !(stopRatio >= 0 && stopRatio <= 1))
    fieldErrors.stopRatio = 'The share of refused records is a number from 0 to 1.';
  if (changeReason !== null && !isReason(changeReason))
    fieldErrors.changeReason = limitTexts.reason;
  assertNoErrors(fieldErrors);
  return { ...options, changeReason };
}

function assertNoErrors(fieldErrors: Readonly<Record<string, string>>): void {
  const [wrong] = Object.values(fieldErrors);
  if (wrong) throw new AppError('invalid-operation', 422, wrong, { fieldErrors });
}

function isOverlap(text: string): text is Overlap {
  return text === 'refuse' || text === 'skip' || text === 'wait';
}

export function isReason(text: string): boolean {
  return lengthOf(text) <= limits.bulk.reasonLength && !text.includes('\0');
}

// As PostgreSQL counts: a browser sends a line end as two characters, and a picture is two to
// JavaScript.
function lengthOf(text: string): number {
  return [...text.replaceAll('\r\n', '\n')].length;
}
