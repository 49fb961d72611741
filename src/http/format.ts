export { formatDateTime, formatSpan, formatTime, formatTimestamp, isoTime } from './format-span.ts';

const number = new Intl.NumberFormat('en');
const rough = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const rules = new Intl.PluralRules('en');

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
