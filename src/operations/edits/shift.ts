import { sql } from '../../db/sql.ts';
import { storedTimestamp } from '../../fields/timestamp.ts';
import { limits } from '../../limits.ts';
import { type Edit, NoRoom } from './contract.ts';
import { cast, familyOf } from './field-family.ts';

const units = ['minutes', 'hours', 'days', 'weeks', 'months', 'years'] as const;
type Unit = (typeof units)[number];

interface Shift {
  amount: number;
  unit: Unit;
}

/**
 * A date so much later, or with a negative number earlier, in UTC. A month later than 31 January is
 * the last of February, as PostgreSQL has it.
 */
export const shift: Edit<Shift> = {
  name: 'shift',
  isConstant: false,
  canOverflow: true,
  fits: ({ meta, relation }) => relation === null && familyOf(meta) === 'date',
  inputs: ({ meta }) => [
    { name: 'value', control: 'number' },
    { name: 'unit', control: 'choice', choices: unitsOf(meta.sqlType) },
  ],
  parse(controls, { label, meta }) {
    const text = (controls('value').at(-1) ?? '').trim();
    if (text === '') return { error: `Give a number to shift ${label} by, or untick it.` };
    const amount = Number(text);
    if (!/^[+-]?\d{1,6}$/.test(text) || Math.abs(amount) > limits.bulk.shift) {
      return {
        error: `${label} can be shifted by a whole number from -${limits.bulk.shift.toLocaleString('en')} to ${limits.bulk.shift.toLocaleString('en')}.`,
      };
    }
    const unit = unitsOf(meta.sqlType).find(
      (candidate) => candidate === (controls('unit').at(-1) ?? ''),
    );
    return unit ? { value: { amount, unit } } : { error: `Choose a unit to shift ${label} by.` };
  },
  sql: ({ amount, unit }, { field, current }) =>
    cast(sql`${current} + ${`${amount} ${unit}`}::interval`, field),
  twin(current, { amount, unit }, { field }) {
    if (current === null) return null;
    const shifted =
      unit === 'months' || unit === 'years'
        ? addMonths(timestampOf(current), unit === 'years' ? amount * 12 : amount)
        : add(current, amount, unit);
    if (shifted.getUTCFullYear() < -4712 || Number.isNaN(shifted.getTime()))
      throw new NoRoom('timestamp out of range');
    return field.sqlType === 'date' ? shifted.toISOString().slice(0, 10) : shifted.toISOString();
  },
  describe: ({ amount, unit }) =>
    `shifted by ${amount.toLocaleString('en', { style: 'unit', unit: unit.slice(0, -1), unitDisplay: 'long' })}`,
};

function unitsOf(sqlType: string | null): readonly Unit[] {
  return sqlType === 'date' ? units.slice(2) : units;
}

// A timestamp of the twin's own may be beyond those that pages know.
function timestampOf(text: unknown): Date {
  return storedTimestamp(String(text)) ?? new Date(String(text));
}

const unitMs: Record<'minutes' | 'hours' | 'days' | 'weeks', number> = {
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

function add(current: unknown, amount: number, unit: keyof typeof unitMs): Date {
  return new Date(timestampOf(current).getTime() + amount * unitMs[unit]);
}

function addMonths(from: Date, months: number): Date {
  const month = from.getUTCFullYear() * 12 + from.getUTCMonth() + months;
  const [year, index] = [Math.floor(month / 12), ((month % 12) + 12) % 12];
  const shifted = new Date(from);
  shifted.setUTCFullYear(year, index, Math.min(from.getUTCDate(), daysIn(year, index)));
  return shifted;
}

function daysIn(year: number, month: number): number {
  const last = new Date(0);
  last.setUTCFullYear(year, month + 1, 0);
  return last.getUTCDate();
}
