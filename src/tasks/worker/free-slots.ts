import type { PoolClient } from 'pg';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { loseAttempt } from '../own/end-own.ts';
import { settle } from '../running/slots.ts';
import { isFinished } from '../states.ts';
import type { TaskRow } from '../task-row.ts';

const lossTexts = {
  died: 'a worker died',
  hangs: 'a worker hangs: its connections are ended, and others go on with its tasks',
} as const;

/** The slots of a worker whose row is gone, of which it may have taken one just then. */
export async function freeSlots(
  context: TaskContext,
  client: PoolClient,
  id: string,
  why: keyof typeof lossTexts | 'done',
): Promise<void> {
  const slots = await client.query<{ task_id: number }>(
    `delete from ${context.db.t.task_slot} where worker_id = $1 returning task_id`,
    [id],
  );
  const tasks = [...new Set(slots.rows.map((slot) => slot.task_id))].sort((a, b) => a - b);
  if (tasks.length > 0 || why !== 'done')
    context.log('warning', lossTexts[why === 'done' ? 'died' : why], { workerId: id, tasks });
  for (const taskId of tasks) await countDeath(context, client, taskId);
}

/** One of a task's runners is gone, or hangs. The slot is free by now. */
export async function countDeath(
  context: TaskContext,
  client: PoolClient,
  taskId: number,
): Promise<void> {
  const { db, settings } = context;
  const { rows } = await client.query<
    Pick<TaskRow, 'kind' | 'backend' | 'operation' | 'state' | 'reason' | 'deaths'>
  >(
    `update ${db.t.task} task set deaths = deaths + 1, rested_at = case
         when exists (select 1 from ${db.t.task_slot} where task_id = task.id) then rested_at
         else coalesce((select max(finished_at) from ${db.t.chunk} where task_id = task.id), started_at) end
     where id = $1 and finished_at is null returning kind, backend, operation, state, reason, deaths`,
    [taskId],
  );
  const task = rows[0];
  if (!task) return settleEnded(context, client, taskId);
  if (task.kind === 'own') return loseAttempt(client, context, { id: taskId, ...task });
  // One that is to stop does, which is its end.
  if (!abilitiesOf(context, task).restart && task.state !== 'cancelling')
    return endLost(client, context, taskId);
  if (task.deaths >= settings.maxDeaths) {
    const message = `Its worker died ${task.deaths} times in a row. What was done before stays.`;
    await moveTask(client, db.t, taskId, 'failed', { reason: 'worker-died', message });
    return settle(client, context, taskId, 'failed');
  }
  await settle(client, context, taskId, task.state);
}

/** Nothing else takes it up. */
export async function endLost(
  client: PoolClient,
  context: TaskContext,
  taskId: number,
): Promise<void> {
  const message =
    'The process that it ran in has ended, and nothing else takes it up. What was done before stays.';
  await moveTask(client, context.db.t, taskId, 'failed', { reason: 'worker-died', message });
  await settle(client, context, taskId, 'failed');
}

/** Sees to what comes with the end of a task, where it has ended and its worker has not. */
export async function settleEnded(
  context: TaskContext,
  client: PoolClient,
  taskId: number,
): Promise<void> {
  const { rows } = await client.query<Pick<TaskRow, 'state'>>(
    `select state from ${context.db.t.task} where id = $1 for update`,
    [taskId],
  );
  if (rows[0] && isFinished(rows[0].state)) await settle(client, context, taskId, rows[0].state);
}
