import { DateTime } from 'luxon';

/** A date or time as it was given: to the day it means all of that day, to the minute all of that minute. */
export interface Moment {
  start: Date;
  /** The first moment after; null where the column holds none, as of the last minute of a day for times of day. */
  end: Date | null;
}

/** What a column of this type holds: a day, a time of day, or a moment. */
export function momentKind(sqlType: string | null): 'date' | 'time' | 'moment' {
  if (sqlType === 'date') return 'date';
  return /^timetz|^time(\(\d\))?$/.test(sqlType ?? '') ? 'time' : 'moment';
}

/** A moment that JavaScript has none for: `infinity`, the year 10000. Pages have its text instead. */
export function isOutOfReach(value: unknown): boolean {
  return value instanceof Date && Number.isNaN(value.getTime());
}

/** What the project's own code is given for such a text, as Prisma's client would. */
export function plainMoment(value: unknown): unknown {
  return typeof value === 'string' ? new Date(Number.NaN) : value;
}

/** For sentences: `must be …`. */
export const momentExamples = {
  date: 'a date such as 2026-01-31',
  time: 'a time such as 14:30',
  moment: 'a date and time such as 2026-01-31 14:30',
} as const;

const pattern = /^(?:(\d{4})-(\d{2})-(\d{2}))?(?:(?:^|[T ])(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/;

/** Null: there is no such day or time, or the column does not hold what was given. In `timeZone` where the text names none. */
export function readMoment(text: string, sqlType: string | null, timeZone: string): Moment | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  const kind = momentKind(sqlType);
  if (kind === 'date' ? !year || hour || offset : kind === 'time' ? year || !hour || offset : !year) return null;
  const zone = kind === 'moment' ? zoneOf(offset, timeZone) : 'utc';
  if (zone === null || Number(year ?? 1) < 1) return null;
  const given = {
    year: Number(year ?? 1970),
    month: Number(month ?? 1),
    day: Number(day ?? 1),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    millisecond: Number((fraction ?? '').padEnd(3, '0').slice(0, 3)),
  };
  // A clock that is put back shows an hour twice: the first is meant.
  const start = DateTime.min(...DateTime.fromObject(given, { zone }).getPossibleOffsets());
  // Midnight is no hour 24, and a clock that is put forward skips an hour.
  if (!start?.isValid || start.hour !== given.hour) return null;
  const step = fraction ? { milliseconds: 1 } : second ? { seconds: 1 } : hour ? { minutes: 1 } : { days: 1 };
  const end = start.plus(step);
  return { start: start.toJSDate(), end: kind === 'time' && end.day > 1 ? null : end.toJSDate() };
}

function zoneOf(offset: string | undefined, timeZone: string): string | null {
  if (offset === undefined) return timeZone;
  if (offset === 'Z') return 'utc';
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(offset) ?? [];
  if (Number(hours) > 15 || Number(minutes) > 59) return null;
  return `UTC${sign}${hours}:${minutes.padStart(2, '0')}`;
}
