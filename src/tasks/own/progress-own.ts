import type { Pool } from 'pg';
import type { TaskRun } from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import type { Lease } from '../running/lease.ts';

/** How often at most what a run tells is written. */
const everyMs = 250;
const maxMessageLength = 500;

interface LatestProgress {
  done: number;
  total: number | null;
  message: string | null;
}

/** Writes how far a run is, a few times a second; what was told last is written at its end. */
export function keepProgress(
  { db: { t }, log }: TaskContext,
  pool: Pool,
  { taskId, slot, token }: Lease,
): { tell: TaskRun['progress']; end(): Promise<void> } {
  let latest: LatestProgress | null = null;
  let timer: NodeJS.Timeout | null = null;
  let writing = Promise.resolve();

  return {
    tell(done, total = null, message = null) {
      for (const count of [done, total])
        if (count !== null && !(Number.isInteger(count) && count >= 0 && count <= 2_147_483_647))
          throw new TypeError(`progress: ${count} is not a whole number from 0 to 2,147,483,647.`);
      latest = {
        done,
        total,
        message: message?.replaceAll('\0', '').slice(0, maxMessageLength) ?? null,
      };
      timer ??= setTimeout(() => {
        timer = null;
        writing = writing
          .then(write)
          .catch((error) => log('warning', 'progress was not written', { taskId, error }));
      }, everyMs);
    },
    async end() {
      if (timer) clearTimeout(timer);
      timer = null;
      await writing;
      await write();
    },
  };

  async function write(): Promise<void> {
    if (!latest) return;
    const { done, total, message } = latest;
    latest = null;
    await pool.query(
      `update ${t.task} set done = $4, total = $5, progress_message = $6
       where id = $1 and exists (select from ${t.task_slot} where task_id = $1 and slot = $2 and token = $3)`,
      [taskId, slot, token, done, total, message],
    );
  }
}
