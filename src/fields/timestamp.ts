import { DateTime } from 'luxon';

/**
 * A date or time as it was given: to the day it means all of that day, to the minute all of that
 * minute.
 */
export interface DateSpan {
  start: Date;
  /**
   * The first instant after; null where the column holds none, as of the last minute of a day for
   * times of day.
   */
  end: Date | null;
  /** How far it was given. */
  to: 'day' | 'minute' | 'second' | 'millisecond';
}

/** What a column of this type holds: a day, a time of day, or a timestamp. */
export function timestampKind(sqlType: string | null): 'date' | 'time' | 'timestamp' {
  if (sqlType === 'date') return 'date';
  return /^timetz|^time(\(\d\))?$/.test(sqlType ?? '') ? 'time' : 'timestamp';
}

/**
 * A timestamp that JavaScript has none for: `infinity`, the year 10000. Pages have its text
 * instead.
 */
export function isOutOfReach(value: unknown): boolean {
  return value instanceof Date && Number.isNaN(value.getTime());
}

/** What the project's own code is given for such a text, as Prisma's client would. */
export function plainTimestamp(value: unknown): unknown {
  return typeof value === 'string' ? new Date(Number.NaN) : value;
}

const stored =
  /^(?:(\d{4}-\d{2}-\d{2})(?:[T ]|$))?(?:(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) ?(?:(Z)|([+-]\d{2})(?::?(\d{2}))?)?)?$/;

/**
 * The timestamp that PostgreSQL writes so; null where JavaScript has none for it. What has no zone
 * is of UTC; a time of day is of the first day of 1970 and loses its offset, as in Prisma's client.
 */
export function storedTimestamp(text: string): Date | null {
  const [whole, day, clock = '00:00', isUtc, hours, minutes = '00'] = stored.exec(text) ?? [];
  if (!whole) return null;
  const offset = day && !isUtc && hours ? `${hours}:${minutes}` : 'Z';
  const at = new Date(`${day ?? '1970-01-01'}T${clock}${offset}`);
  return Number.isNaN(at.getTime()) ? null : at;
}

/** For sentences: `must be …`. */
export const timestampExamples = {
  date: 'a date such as 2026-01-31',
  time: 'a time such as 14:30',
  timestamp: 'a date and time such as 2026-01-31 14:30',
} as const;

const pattern =
  /^(?:(\d{4})-(\d{2})-(\d{2}))?(?:(?:^|[T ])(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/;

/** The two timestamps that a time of a clock that is put back may mean, the earlier first. */
type Twice = readonly [DateTime, DateTime];

/**
 * Null: there is no such day or time, the column does not hold what was given, or a time that names
 * no offset is one that its zone has twice. In `timeZone` where the text names none.
 */
export function readDateSpan(
  text: string,
  sqlType: string | null,
  timeZone: string,
): DateSpan | null {
  const read = readClock(text, sqlType, timeZone);
  return read && 'start' in read ? read : null;
}

/** A date span, or why a text is none, for `label`. */
export function parseDateSpan(
  text: string,
  label: string,
  sqlType: string | null,
  timeZone: string,
): { value: DateSpan } | { error: string } {
  const read = readClock(text, sqlType, timeZone);
  if (read && 'start' in read) return { value: read };
  if (read) return { error: inWords(label, timeZone, read) };
  return { error: `${label} must be ${timestampExamples[timestampKind(sqlType)]}.` };
}

/** A time that names no offset and that its zone has twice, or not at all. */
export function isUnclear(text: string, sqlType: string | null, timeZone: string): boolean {
  const read = readClock(text, sqlType, timeZone);
  return read !== null && !('start' in read);
}

/** Does the zone's clock show this time once more? Then its offset tells the two apart. */
export function isTwice(at: DateTime): boolean {
  return at.getPossibleOffsets().length > 1;
}

/** `(UTC+1)`, where a clock is put back and this time is one of two. */
export function offsetInWords(at: DateTime): string {
  return isTwice(at) ? ` (UTC${at.toFormat('Z')})` : '';
}

const clocks = { minute: 'HH:mm', second: 'HH:mm:ss', millisecond: 'HH:mm:ss.SSS' } as const;

/**
 * What a text of a filter means, as far as it was given: `1 Jan 2026`, `1 Jan 2026, 10:30:15`.
 * Null: it is no clear date or time.
 */
export function dateSpanInWords(
  text: string,
  sqlType: string | null,
  timeZone: string,
): string | null {
  const span = readDateSpan(text, sqlType, timeZone);
  if (!span) return null;
  const kind = timestampKind(sqlType);
  const at = DateTime.fromJSDate(span.start, {
    zone: kind === 'timestamp' ? timeZone : 'utc',
  }).setLocale('en-GB');
  const day = kind === 'time' ? '' : at.toLocaleString(DateTime.DATE_MED);
  // A day elsewhere begins at another time here.
  const isDay = span.to === 'day' && +at === +beginningOf(at);
  if (isDay) return day;
  const clock = `${at.toFormat(clocks[span.to === 'day' ? 'minute' : span.to])}${offsetInWords(at)}`;
  return day === ''
    ? clock
    : span.to === 'day'
      ? `the day from ${day}, ${clock}`
      : `${day}, ${clock}`;
}

interface Unclear {
  day: string;
  clock: string;
  /** Null: the clock is put forward past it. */
  twice: Twice | null;
}

function inWords(label: string, timeZone: string, { day, clock, twice }: Unclear): string {
  if (!twice)
    return `${label}: on ${day} the clocks in ${timeZone} are put forward, and there is no ${clock}.`;
  const [first, second] = twice.map((at) => `${day} ${clock}${at.toFormat('ZZ')}`);
  return `${label}: on ${day} the clocks in ${timeZone} are put back, and ${clock} comes twice. Write ${first} for the first, ${second} for the second.`;
}

function readClock(
  text: string,
  sqlType: string | null,
  timeZone: string,
): DateSpan | Unclear | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  const kind = timestampKind(sqlType);
  if (kind === 'date' ? !year || hour || offset : kind === 'time' ? year || !hour || offset : !year)
    return null;
  const zone = kind === 'timestamp' ? zoneOf(offset, timeZone) : 'utc';
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
  const at = DateTime.fromObject(given, { zone });
  if (!at.isValid) return null;
  // All of a day, however many hours it has and wherever it begins.
  if (!hour) return { start: beginningOf(at), end: beginningOf(at.plus({ days: 1 })), to: 'day' };
  const [start = at, later] = at.getPossibleOffsets();
  // Midnight is no hour 24, and a clock that is put forward skips an hour.
  if (given.hour === 24) return null;
  const unclear = {
    day: `${year}-${month}-${day}`,
    clock: [hour, minute, ...(second ? [fraction ? `${second}.${fraction}` : second] : [])].join(
      ':',
    ),
  };
  if (start.hour !== given.hour || start.minute !== given.minute)
    return { ...unclear, twice: null };
  if (later)
    return {
      ...unclear,
      twice: [start, later].sort((a, b) => a.toMillis() - b.toMillis()) as unknown as Twice,
    };
  const to = fraction ? 'millisecond' : second ? 'second' : 'minute';
  const end = start.plus({ [to]: 1 });
  return {
    start: start.toJSDate(),
    end: kind === 'time' && end.day > 1 ? null : end.toJSDate(),
    to,
  };
}

function beginningOf(day: DateTime): Date {
  return DateTime.min(...day.startOf('day').getPossibleOffsets())?.toJSDate() ?? day.toJSDate();
}

function zoneOf(offset: string | undefined, timeZone: string): string | null {
  if (offset === undefined) return timeZone;
  if (offset === 'Z') return 'utc';
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(offset) ?? [];
  if (Number(hours) > 15 || Number(minutes) > 59) return null;
  return `UTC${sign}${hours}:${minutes.padStart(2, '0')}`;
}
