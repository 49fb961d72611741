import type { Pool } from 'pg';
import type { TaskContext } from '../context.ts';
import { repeat } from '../repeat.ts';
import { announceSchedules } from './announce-schedules.ts';
import { beginRuns } from './begin-runs.ts';
import { noteDue } from './note-due.ts';

const everyMs = 500;
const announceEveryMs = 60_000;

/** Begins what schedules say at its times, until stopped. A worker does. */
export function followSchedules(context: TaskContext, pool: Pool): { stop(): Promise<void> } {
  let announcedAt = 0;
  return repeat(
    everyMs,
    async () => {
      if (Date.now() - announcedAt > announceEveryMs) {
        await announceSchedules(pool, context);
        announcedAt = Date.now();
      }
      await noteDue(context, pool);
      await beginRuns(context, pool);
    },
    (error) => context.log('warning', 'schedules are looked at again', { error }),
  );
}
