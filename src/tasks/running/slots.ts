import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { inlineName } from '../../queue/backend.ts';
import { bulkQueue } from '../../queue-names.ts';
import { wakeFor } from '../call-for.ts';
import { cancelDescendants } from '../cancel-descendants.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { isFinished, type TaskState, unfinishedSql } from '../states.ts';
import { wakeWaiting } from '../wake-waiting.ts';
import type { Lease } from './lease.ts';

/**
 * Takes a free slot of a task for this worker, or null: none is free, or there is nothing to do.
 * Only one runner prepares a task; when it runs, as many as its parallelism.
 */
export async function takeSlot(
  context: TaskContext,
  pool: Pool,
  taskId: number,
  workerId: string,
): Promise<Lease | null> {
  const { t } = context.db;
  return transaction(pool, async (client) => {
    if (await isPaused(client, t, taskId)) return null;
    const { rows } = await client.query<{
      state: TaskState;
      parallelism: number;
      isBlocked: boolean;
    }>(
      `select state, parallelism, start_over is not null or ${isBlocked(context)} as "isBlocked" from ${t.task} task where id = $1 for update`,
      [taskId],
    );
    const task = rows[0];
    if (!task || task.isBlocked || !['queued', 'preparing', 'running'].includes(task.state))
      return null;
    const token = randomUUID();
    const taken = await client.query<{ slot: number }>(
      `insert into ${t.task_slot} (task_id, slot, worker_id, token)
       select $1, free.slot, $3, $4 from generate_series(0, $2::int - 1) free(slot)
       where not exists (select 1 from ${t.task_slot} held where held.task_id = $1 and held.slot = free.slot)
       order by free.slot limit 1 returning slot`,
      [taskId, task.state === 'running' ? task.parallelism : 1, workerId, token],
    );
    const slot = taken.rows[0]?.slot;
    if (slot === undefined) return null;
    await client.query(
      `update ${t.task} set attempts = attempts + 1, blocked_by = null, rested_at = null,
         message = case when reason = 'unknown' then null else message end, reason = nullif(reason, 'unknown'),
         idle_ms = idle_ms + coalesce(extract(epoch from clock_timestamp() - greatest(rested_at, started_at)) * 1000, 0)
       where id = $1`,
      [taskId],
    );
    if (task.state === 'queued') await moveTask(client, t, taskId, 'preparing');
    return { taskId, slot, token };
  });
}

/**
 * Is bulk work paused? Whoever is about to resume it is waited for: they call for what has no slot. It
 * is asked before the task's row is locked, as they lock it after the queue's.
 */
async function isPaused(client: Queryable, t: TableNames, taskId: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `select 1 from ${t.paused_queue} where name = '${bulkQueue}' and exists (select from ${t.task} where id = $1 and backend <> '${inlineName}') for share`,
    [taskId],
  );
  return rowCount === 1;
}

/** Does the task wait for one that is not finished? For rows `task`. */
export function isBlocked({ db: { t } }: Pick<TaskContext, 'db'>): string {
  return `exists (select 1 from ${t.task} blocker where blocker.id = task.blocked_by and blocker.state in (${unfinishedSql}))`;
}

/** Gives a slot back and sees to what comes next. */
export async function releaseSlot(
  context: TaskContext,
  pool: Pool,
  lease: Lease,
  delayMs = 0,
): Promise<void> {
  const { t } = context.db;
  await transaction(pool, async (client) => {
    const { rows } = await client.query<{ state: TaskState }>(
      `select state from ${t.task} where id = $1 for update`,
      [lease.taskId],
    );
    const released = await client.query(
      `delete from ${t.task_slot} where task_id = $1 and slot = $2 and token = $3`,
      [lease.taskId, lease.slot, lease.token],
    );
    if (released.rowCount === 0 || !rows[0]) return;
    await client.query(
      `update ${t.task} set rested_at = clock_timestamp() where id = $1 and not exists (select 1 from ${t.task_slot} where task_id = $1)`,
      [lease.taskId],
    );
    await settle(client, context, lease.taskId, rows[0].state, delayMs);
  });
}

/**
 * Decides what becomes of a task one of whose slots was just freed: the last runner of a cancelled
 * or paused one ends or parks it, unfinished work is woken again, and so are those who waited for
 * its end. The caller holds its row lock.
 */
export async function settle(
  client: Queryable,
  context: TaskContext,
  taskId: number,
  state: TaskState,
  delayMs = 0,
): Promise<void> {
  const { t } = context.db;
  if (state === 'cancelling' || state === 'pausing') {
    const { rowCount } = await client.query(`select 1 from ${t.task_slot} where task_id = $1`, [
      taskId,
    ]);
    if (rowCount !== 0) return;
    await moveTask(client, t, taskId, state === 'cancelling' ? 'cancelled' : 'paused');
    if (state === 'cancelling') await wakeWaiting(client, context, taskId);
    return;
  }
  // What its hooks have launched as its parts goes with it.
  if (state === 'failed') await cancelDescendants(client, context, taskId);
  if (isFinished(state)) return wakeWaiting(client, context, taskId);
  const isForNow =
    state === 'preparing' ||
    (state === 'queued' && !(await waits())) ||
    (state === 'running' && (await hasFreeChunk()));
  if (!isForNow) return;
  const { rows } = await client.query<{ backend: string }>(
    `update ${t.task} set woken_at = now() where id = $1 returning backend`,
    [taskId],
  );
  if (rows[0])
    await wakeFor(client, context, rows[0].backend, { kind: 'bulk', taskIds: [taskId], delayMs });

  // Asked after the task was put back into the queue: whoever it waits for has either finished by
  // now or will wake it.
  async function waits(): Promise<boolean> {
    const { rows } = await client.query<{ isBlocked: boolean }>(
      `select ${isBlocked(context)} as "isBlocked" from ${t.task} task where id = $1`,
      [taskId],
    );
    return rows[0]?.isBlocked ?? false;
  }

  // A chunk that another runner is at is not free: waking for it would go round in circles.
  async function hasFreeChunk(): Promise<boolean> {
    const { rowCount } = await client.query(
      `select 1 from ${t.chunk} where task_id = $1 and state = 'active' limit 1 for update skip locked`,
      [taskId],
    );
    return rowCount === 1;
  }
}
