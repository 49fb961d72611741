import { Cron } from 'croner';

/** The times of a line, in the order of time. */
export interface CronTimes {
  /** The first after that one; null: there is none. */
  after(timestamp: Date): Date | null;
}

const hourField = { 5: 1, 6: 2 } as const;
const fixedHours = /^\d{1,2}(-\d{1,2})?(,\d{1,2}(-\d{1,2})?)*$/;

/**
 * Reads a line of five fields, or six with seconds first. Throws an Error that says what is wrong
 * with it.
 *
 * croner runs a single hour once on the day on which the clock is set back, and a list of them as if
 * every hour were meant: such a list is read as a line for each of its hours.
 */
export function cronTimes(line: string, timeZone: string): CronTimes {
  const fields = line.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6)
    throw new Error('it has five fields, or six with seconds first');
  const place = hourField[fields.length];
  const hours = fields[place] as string;
  const lines = fixedHours.test(hours) ? hoursOf(hours).map(String) : [hours];
  const crons = lines.map(
    (hour) =>
      new Cron(fields.with(place, hour).join(' '), {
        timezone: timeZone,
        paused: true,
        mode: 'auto',
      }),
  );
  return {
    after(timestamp) {
      const next = crons
        .map((cron) => cron.nextRun(timestamp)?.getTime() ?? Number.POSITIVE_INFINITY)
        .reduce((first, time) => Math.min(first, time));
      return Number.isFinite(next) ? new Date(next) : null;
    },
  };
}

function hoursOf(field: string): number[] {
  const hours = new Set<number>();
  for (const part of field.split(',')) {
    const [from, to = from] = part.split('-').map(Number) as [number, number?];
    if (from > 23 || to > 23 || to < from) throw new Error(`“${part}” is no hour`);
    for (let hour = from; hour <= to; hour++) hours.add(hour);
  }
  return [...hours];
}
