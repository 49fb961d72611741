import { DateTime } from 'luxon';
import type {
  FieldKind,
  FilterContext,
  FilterOperator,
  Parsed,
  ResourceField,
} from '../contract.ts';
import { type DateSpan, dateSpanInWords, parseDateSpan, timestampKind } from '../timestamp.ts';
import { nullness } from './empty.ts';
import { needsValue, readAll } from './read-all.ts';

function read(text: string, field: ResourceField, context: FilterContext): Parsed<DateSpan> {
  const span = parseDateSpan(text.trim(), field.label, field.meta.sqlType, context.timeZone);
  return field.kind ? readTyped(text, field, field.kind, context, span) : span;
}

/**
 * What a kind of the project's own reads: as long as its text says, where that is one of ours, else
 * all of a day, or this very instant.
 */
function readTyped(
  text: string,
  field: ResourceField,
  kind: FieldKind,
  context: FilterContext,
  usual: Parsed<DateSpan>,
): Parsed<DateSpan> {
  const parsed = kind.parse(text, field, context);
  if ('error' in parsed) return parsed;
  if (!(parsed.value instanceof Date)) return needsValue(field);
  const start = parsed.value;
  if ('value' in usual && +usual.value.start === +start) return usual;
  const isDay = timestampKind(field.meta.sqlType) === 'date';
  return {
    value: {
      start,
      end: new Date(+start + (isDay ? dayMs : 1)),
      to: isDay ? 'day' : 'millisecond',
    },
  };
}

const dayMs = 86_400_000;

type Compare = (spans: readonly DateSpan[], field: ResourceField) => Record<string, unknown>;

function operator(
  name: string,
  label: string,
  input: 'one' | 'many' | 'range',
  compare: Compare,
): FilterOperator {
  return {
    name,
    label,
    input,
    value: null,
    includesEmpty: name === 'not',
    words: (text, { meta, kind }, { timeZone }) =>
      kind ? null : dateSpanInWords(text.trim(), meta.sqlType, timeZone),
    where(texts, field, context) {
      if (input === 'range' && texts.length !== 2)
        return { error: `${field.label} is compared with two values, such as from..to.` };
      const spans = readAll(read, texts, field, context);
      return 'error' in spans ? spans : { value: compare(spans.value as DateSpan[], field) };
    },
  };
}

const first = ([span]: readonly DateSpan[]) => span as DateSpan;
const until = ({ end }: DateSpan) => (end ? { lt: end } : {});
const earliest = new Date(0);

const comparisons: readonly FilterOperator[] = [
  operator('is', 'is', 'many', (spans, { meta }) => ({
    OR: spans.map((span) => ({ [meta.name]: { gte: span.start, ...until(span) } })),
  })),
  operator('not', 'is not', 'many', (spans, { meta }) => {
    const others = {
      AND: spans.map((span) => ({
        OR: [{ [meta.name]: { lt: span.start } }, isAfter(meta.name, span)],
      })),
    };
    return meta.isRequired ? others : { OR: [{ [meta.name]: null }, others] };
  }),
  operator('before', 'before', 'one', (spans, { meta }) => ({
    [meta.name]: { lt: first(spans).start },
  })),
  operator('after', 'after', 'one', (spans, { meta }) => isAfter(meta.name, first(spans))),
  operator('min', 'at or after', 'one', (spans, { meta }) => ({
    [meta.name]: { gte: first(spans).start },
  })),
  operator('max', 'at or before', 'one', (spans, { meta }) => {
    const { end } = first(spans);
    return { [meta.name]: end ? { lt: end } : { gte: earliest } };
  }),
  operator('between', 'between', 'range', (spans, { meta }) => ({
    [meta.name]: { gte: first(spans).start, ...until(spans[1] as DateSpan) },
  })),
];

function isAfter(name: string, { end }: DateSpan): Record<string, unknown> {
  return { [name]: end ? { gte: end } : { in: [] } };
}

const units = { h: 'hours', d: 'days', w: 'weeks' } as const;

/** `7d`: hours, days or weeks. Null: it is no span. */
function readSpan(
  text: string,
): { count: number; unit: (typeof units)[keyof typeof units] } | null {
  const [, digits, unit] = /^(\d{1,4})([hdw])$/.exec(text.trim()) ?? [];
  const count = Number(digits);
  return unit && count > 0 ? { count, unit: units[unit as keyof typeof units] } : null;
}

/**
 * From a span ago until now, or from now until a span ahead; of whole days where the column holds
 * days.
 */
function spanEnds(
  name: 'last' | 'next',
  text: string,
  sqlType: string | null,
  { now, timeZone }: { now: Date; timeZone: string },
): { from: Date; to: Date } | null {
  const span = readSpan(text);
  const isDate = timestampKind(sqlType) === 'date';
  if (!span || (isDate && span.unit === 'hours')) return null;
  const here = DateTime.fromJSDate(now, { zone: timeZone });
  const base = isDate ? DateTime.utc(here.year, here.month, here.day) : here;
  const other = base.plus({ [span.unit]: name === 'last' ? -span.count : span.count });
  return name === 'last'
    ? { from: other.toJSDate(), to: base.toJSDate() }
    : { from: base.toJSDate(), to: other.toJSDate() };
}

function span(name: 'last' | 'next', label: string): FilterOperator {
  return {
    name,
    label,
    input: 'span',
    value: null,
    includesEmpty: false,
    where([text = ''], field, context) {
      const ends = spanEnds(name, text, field.meta.sqlType, context);
      if (!ends)
        return { error: `${field.label} is compared with a span such as 7d or 2w${hours(field)}.` };
      return { value: { [field.meta.name]: { gte: ends.from, lte: ends.to } } };
    },
  };
}

function hours({ meta }: ResourceField): string {
  return timestampKind(meta.sqlType) === 'date' ? '' : ', or 24h';
}

const spans = [span('last', 'in the last'), span('next', 'in the next')];

/**
 * Days, times of day, timestamps. Of a time with a zone Prisma drops the zone, so that nothing
 * could be compared with it.
 */
export function timestampOperators(field: ResourceField): readonly FilterOperator[] {
  if (field.meta.sqlType?.startsWith('timetz')) return nullness(field);
  const isTime = timestampKind(field.meta.sqlType) === 'time';
  return [...comparisons, ...(isTime ? [] : spans), ...nullness(field)];
}
