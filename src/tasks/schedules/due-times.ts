import type { CronTimes } from '../../task-definitions/cron-times.ts';
import type { CatchUp } from '../../task-definitions/define-schedule.ts';

export interface DueTimes {
  /** In the order of time; each has its run. */
  readonly run: readonly Date[];
  /** Left out, at least so many, and the latest of them. */
  readonly missed: { readonly count: number; readonly last: Date } | null;
  /** What is looked at next; null: no time comes any more. */
  readonly next: Date | null;
}

/** A time that is not later than this was not missed. */
export const onTimeMs = 60_000;
/** Times of one look. */
const maxAtOnce = 1_000;

/** What becomes of the times from `first`, which is due, until now. */
export function dueTimes(times: CronTimes, first: Date, now: Date, catchUp: CatchUp): DueTimes {
  const due: Date[] = [];
  let passed = 0;
  let next: Date | null = first;
  while (next && next <= now) {
    if (due.length === maxAtOnce && catchUp === 'each') break;
    passed++;
    due.push(next);
    // Of a line with very many times the latest is looked for, and not each of them.
    if (due.length > maxAtOnce) due.shift();
    const isMany = catchUp !== 'each' && passed % maxAtOnce === 0;
    next = (isMany ? later(times, next, now) : null) ?? times.after(next);
  }
  if (catchUp === 'each') return { run: due, missed: null, next };
  const last = due.at(-1) as Date;
  const isRun = catchUp === 'once' || now.getTime() - last.getTime() <= onTimeMs;
  const left = isRun ? due.slice(0, -1) : due;
  const latest = left.at(-1);
  return {
    run: isRun ? [last] : [],
    missed: latest ? { count: passed - (isRun ? 1 : 0), last: latest } : null,
    next,
  };
}

/** The first time past the middle between two moments that has passed as well. */
function later(times: CronTimes, from: Date, now: Date): Date | null {
  const found = times.after(new Date((from.getTime() + now.getTime()) / 2));
  return found && found <= now ? found : null;
}
