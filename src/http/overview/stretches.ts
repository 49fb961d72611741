import { DateTime } from 'luxon';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { overviewTexts } from './overview-texts.ts';

/** What the tables of the overview look back on. */
export const lookBacks = ['day', 'week'] as const;
export type LookBack = (typeof lookBacks)[number];

/** Throws AppError 'invalid-filter' (422): what is wrong is never taken for any. */
export function parseLookBack(given: unknown): LookBack {
  const [text = 'day', ...more] = textsOf(given);
  const found = lookBacks.find((one) => one === text);
  if (!found || more.length > 0)
    throw new AppError('invalid-filter', 422, overviewTexts.wrongLookBack, { field: 'of' });
  return found;
}

/** A stretch of time in the reader's zone; `until` is where the next begins. */
export interface ShownStretch {
  from: DateTime;
  until: DateTime;
}

const columnHours = 3;

/** The last 24 hours, each from its beginning, the one that is not over too. */
export function lastHours(now: Date, timeZone: string, step = 1): ShownStretch[] {
  const end = DateTime.fromJSDate(now, { zone: timeZone }).startOf('hour').plus({ hours: 1 });
  return Array.from({ length: 24 / step }, (_, index) => {
    const from = end.minus({ hours: 24 - index * step });
    return { from, until: from.plus({ hours: step }) };
  });
}

/** The columns of what failed: parts of the last day, or the last seven days. */
export function columnsOf(lookBack: LookBack, now: Date, timeZone: string): ShownStretch[] {
  if (lookBack === 'day') return lastHours(now, timeZone, columnHours);
  const today = DateTime.fromJSDate(now, { zone: timeZone }).startOf('day');
  return Array.from({ length: 7 }, (_, index) => {
    const from = today.minus({ days: 6 - index });
    return { from, until: from.plus({ days: 1 }) };
  });
}

/** Where each begins, and where the last ends. */
export function boundsOf(stretches: readonly ShownStretch[]): Date[] {
  return [
    ...stretches.map(({ from }) => from),
    ...stretches.slice(-1).map(({ until }) => until),
  ].map((at) => at.toJSDate());
}

/** `from` and `to` of the page of tasks: the last minute of a stretch is meant with all its seconds. */
export function filterOf({ from, until }: ShownStretch): Record<'from' | 'to', string> {
  const minute = "yyyy-MM-dd'T'HH:mmZZ";
  return { from: from.toFormat(minute), to: until.minus({ minutes: 1 }).toFormat(minute) };
}
