import { BoundedMap } from '../../bounded-map.ts';
import type { Database } from '../../db/database.ts';

/** The same trouble of a task is said again after so long. */
const againMs = 60_000;
const remembered = 1_000;

const said = new WeakMap<Database, BoundedMap<string, number>>();

/**
 * Is it to be said that a task has this trouble? A disk that is full, or a lock that is held, would
 * fill a log with one line for each task and second.
 */
export function isToBeSaid(db: Database, taskId: number, trouble: string): boolean {
  const times = said.get(db) ?? new BoundedMap<string, number>(remembered);
  said.set(db, times);
  const what = `${taskId} ${trouble}`;
  const now = performance.now();
  if (now - (times.get(what) ?? Number.NEGATIVE_INFINITY) < againMs) return false;
  times.set(what, now);
  return true;
}
