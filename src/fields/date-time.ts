import type { FieldKind } from './contract.ts';
import { required, single } from './input.ts';
import { momentOperators } from './operators/moments.ts';

const iso = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;

const shown = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const shownDate = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });

/** Dates and times, in UTC where the control has no zone of its own. */
export const dateTime: FieldKind = {
  name: 'date-time',
  input: 'date-time',
  filter: null,
  isSortable: true,
  isSearchable: false,
  format(value, field) {
    if (!(value instanceof Date)) return { text: value ? String(value) : '', align: 'start' };
    return { text: (field.meta.sqlType === 'date' ? shownDate : shown).format(value), align: 'start' };
  },
  toForm: (value) => (value instanceof Date ? value.toISOString().slice(0, 16) : ''),
  parse(input, field) {
    const given = single(input)?.trim();
    if (given === undefined) return required(field);
    const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(given) ? given : `${given.length === 10 ? `${given}T00:00` : given}Z`;
    const value = new Date(zoned);
    const isReal = iso.test(given) && !Number.isNaN(value.getTime()) && value.toISOString().slice(0, 8) === zonedMonth(zoned, value);
    return isReal ? { value } : { error: `${field.label} must be a date and time such as 2026-01-31 14:30.` };
  },
  toSql: (value) => (value instanceof Date ? value.toISOString() : null),
  operators: momentOperators,
};

// JavaScript turns 31 February into 3 March; with an explicit zone the month may rightly differ.
function zonedMonth(zoned: string, value: Date): string {
  return zoned.endsWith('Z') ? zoned.slice(0, 8) : value.toISOString().slice(0, 8);
}
