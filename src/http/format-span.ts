import { BoundedMap } from '../bounded-map.ts';
import { limits } from '../limits.ts';

const unit = (name: string, digits = 0) =>
  new Intl.NumberFormat('en', {
    style: 'unit',
    unit: name,
    unitDisplay: 'short',
    maximumFractionDigits: digits,
  });
const milliseconds = unit('millisecond');
const seconds = unit('second', 1);
const wholeSeconds = unit('second');
const minutes = unit('minute');
const hours = unit('hour');
const days = unit('day');

/**
 * A span in words, to the precision that somebody waiting cares about: `340 ms`, `4.2 sec`, `3 min
 * 20 sec`.
 */
export function formatSpan(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1000) return milliseconds.format(Math.round(span));
  if (span < 9_950) return seconds.format(span / 1000);
  const total = Math.round(span / 1000);
  if (total < 60) return wholeSeconds.format(total);
  if (total < 3600) return pair(minutes, Math.floor(total / 60), wholeSeconds, total % 60);
  const totalMinutes = Math.round(total / 60);
  if (totalMinutes < 1440)
    return pair(hours, Math.floor(totalMinutes / 60), minutes, totalMinutes % 60);
  const totalHours = Math.round(totalMinutes / 60);
  return pair(days, Math.floor(totalHours / 24), hours, totalHours % 24);
}

function pair(
  large: Intl.NumberFormat,
  count: number,
  small: Intl.NumberFormat,
  rest: number,
): string {
  return rest === 0 ? large.format(count) : `${large.format(count)} ${small.format(rest)}`;
}

/** With the short name of the time zone. */
export function formatDateTime(at: Date, timeZone: string): string {
  return zoned(timeZone).format(at);
}

const byZone = new BoundedMap<string, Intl.DateTimeFormat>(limits.remembered.zones);

function zoned(timeZone: string): Intl.DateTimeFormat {
  let format = byZone.get(timeZone);
  if (!format) {
    const parts = {
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    } as const;
    format = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone });
    byZone.set(timeZone, format);
  }
  return format;
}

export function formatTime(at: Date, timeZone: string): string {
  return at.toLocaleTimeString('en-GB', { timeStyle: 'medium', timeZone });
}

/** A time of the same day alone; of another with its day. */
export function formatTimestamp(at: Date, now: Date, timeZone: string): string {
  const day = (date: Date) => date.toLocaleDateString('en-GB', { timeZone });
  return day(at) === day(now) ? formatTime(at, timeZone) : formatDateTime(at, timeZone);
}

export function isoTime(at: Date): string {
  return at.toISOString();
}
