import { DateTime } from 'luxon';
import type { FieldKind, ResourceField } from './contract.ts';
import { required, single } from './input.ts';
import { timestampOperators } from './operators/timestamps.ts';
import { type Reader, utcReader } from './reader.ts';
import {
  isTwice,
  offsetInWords,
  parseDateSpan,
  storedTimestamp,
  timestampKind,
} from './timestamp.ts';

/**
 * A day or a time of day is the same in every zone; a timestamp is shown, and read, in the reader's
 * zone.
 */
function inZone(value: Date, { meta }: ResourceField, { timeZone }: Reader): DateTime {
  return DateTime.fromJSDate(value, {
    zone: timestampKind(meta.sqlType) === 'timestamp' ? timeZone : 'utc',
  });
}

/** `14:30`, with seconds and their fractions where there are any. */
function timeText(at: DateTime): string {
  return at.toFormat(at.millisecond > 0 ? 'HH:mm:ss.SSS' : at.second > 0 ? 'HH:mm:ss' : 'HH:mm');
}

function isDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

const asText = (value: unknown) => (value === null || value === undefined ? '' : String(value));

/** Days, times of day and timestamps, as the column's type says. */
export const dateTime: FieldKind = {
  name: 'date-time',
  input: 'date-time',
  filter: null,
  isSortable: true,
  isSearchable: false,
  format(value, field, reader = utcReader) {
    if (!isDate(value)) return { text: asText(value), align: 'start' };
    const at = inZone(value, field, reader).setLocale('en-GB');
    const kind = timestampKind(field.meta.sqlType);
    const text =
      kind === 'time'
        ? timeText(at)
        : kind === 'date'
          ? at.toLocaleString(DateTime.DATE_MED)
          : `${at.toLocaleString({ dateStyle: 'medium', timeStyle: 'short' })}${offsetInWords(at)}`;
    return { text, align: 'start' };
  },
  toForm(value, field, reader = utcReader) {
    if (!isDate(value)) return asText(value);
    const at = inZone(value, field, reader);
    const kind = timestampKind(field.meta.sqlType);
    if (kind === 'time') return timeText(at);
    return kind === 'date'
      ? at.toFormat('yyyy-MM-dd')
      : `${at.toFormat('yyyy-MM-dd')}T${timeText(at)}${isTwice(at) ? at.toFormat('ZZ') : ''}`;
  },
  parse(input, field, reader = utcReader) {
    const given = single(input)?.trim();
    if (given === undefined) return required(field);
    const span = parseDateSpan(given, field.label, field.meta.sqlType, reader.timeZone);
    return 'error' in span ? span : { value: span.value.start };
  },
  toSql(value, field) {
    if (!isDate(value)) return value === null || value === undefined ? null : String(value);
    const [day = '', time = ''] = value.toISOString().split('T');
    const kind = timestampKind(field.meta.sqlType);
    return kind === 'date' ? day : kind === 'time' ? time : `${day}T${time}`;
  },
  fromText: (text) => storedTimestamp(text) ?? text,
  operators: timestampOperators,
};
