export { formatDateTime, formatSpan, formatTime, isoTime } from './format-span.ts';

const number = new Intl.NumberFormat('en');
const rough = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const rules = new Intl.PluralRules('en');
const sinceFormat = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export function formatNumber(value: number | bigint): string {
  return number.format(value);
}

/** To three digits, for what is only estimated. */
export function formatRough(value: number): string {
  return rough.format(value);
}

/** `1 record`, `6,972 records`. */
export function formatCount(count: number, one: string, many: string): string {
  return `${number.format(count)} ${rules.select(count) === 'one' ? one : many}`;
}

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** `5 minutes ago`, `yesterday`. */
export function formatSince(at: Date, now: Date): string {
  const ms = at.getTime() - now.getTime();
  const [unit, length] = steps.find(([, step]) => Math.abs(ms) >= step) ?? ['second', 1000];
  return sinceFormat.format(Math.round(ms / length), unit);
}
