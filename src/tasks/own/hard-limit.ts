import { transaction } from '../../db/transaction.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import type { TaskState } from '../states.ts';

export const hardLimitMessage = 'It ran longer than it may.';

/**
 * Takes its token from every run that goes on past its hard limit: it writes nothing more. Its task
 * is to stop, and holds what it holds until the run has returned or its process is gone; JavaScript
 * cannot be stopped from outside.
 */
export async function lapseRuns({ db }: TaskContext): Promise<void> {
  const { t } = db;
  const isOver = 'ends_at < clock_timestamp() and lapsed_token is null';
  const { rows } = await db.pages.query<{ id: number }>(
    `select task_id as id from ${t.task_slot} where ${isOver}`,
  );
  for (const { id } of rows) {
    await transaction(db.pages, async (client) => {
      const task = await client.query<{ state: TaskState }>(
        `select state from ${t.task} where id = $1 for no key update skip locked`,
        [id],
      );
      if (!task.rows[0]) return;
      // One that is writing a last time, or ending, is looked for again.
      const { rowCount } = await client.query(
        `update ${t.task_slot} set lapsed_token = token, token = gen_random_uuid()
         where (task_id, slot) in (select task_id, slot from ${t.task_slot} where task_id = $1 and ${isOver} for update skip locked)`,
        [id],
      );
      if (rowCount === 0 || task.rows[0].state === 'cancelling') return;
      await moveTask(client, t, id, 'cancelling', {
        reason: 'hard-limit',
        message: hardLimitMessage,
      });
    });
  }
}

export interface StuckRun {
  host: string;
  pid: number;
}

/** The process in which a run goes on past its hard limit. */
export async function findStuckRun(
  { pages, t }: TaskContext['db'],
  taskId: number,
): Promise<StuckRun | null> {
  const { rows } = await pages.query<StuckRun>(
    `select worker.host, worker.pid from ${t.task_slot} slot join ${t.worker} worker on worker.id = slot.worker_id
     where slot.task_id = $1 and slot.lapsed_token is not null`,
    [taskId],
  );
  return rows[0] ?? null;
}
