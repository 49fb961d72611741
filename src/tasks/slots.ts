import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { transaction } from '../db/transaction.ts';
import { wake } from '../queue/wake.ts';
import type { TaskContext } from './context.ts';
import type { Lease } from './freeze.ts';
import { moveTask } from './move-task.ts';
import type { TaskState } from './states.ts';

/**
 * Takes a free slot of a task for this worker, or null: none is free, or there is nothing to do. Only one drain
 * prepares a task; when it runs, as many as its parallelism.
 */
export async function takeSlot(ctx: TaskContext, pool: Pool, taskId: number, workerId: string): Promise<Lease | null> {
  const { t } = ctx.db;
  return transaction(pool, async (client) => {
    const { rows } = await client.query<{ state: TaskState; parallelism: number }>(
      `select state, parallelism from ${t.task} where id = $1 for update`,
      [taskId],
    );
    const task = rows[0];
    if (!task || !['queued', 'preparing', 'running'].includes(task.state)) return null;
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
    await client.query(`update ${t.task} set attempts = attempts + 1 where id = $1`, [taskId]);
    if (task.state === 'queued') await moveTask(client, t, taskId, 'preparing');
    return { taskId, slot, token };
  });
}

/** Gives a slot back and sees to what comes next: the last drain of a cancelled or paused task ends or parks it, unfinished work is woken again. */
export async function releaseSlot(ctx: TaskContext, pool: Pool, lease: Lease, delayMs = 0): Promise<void> {
  const { t, queueSchema } = ctx.db;
  await transaction(pool, async (client) => {
    const { rows } = await client.query<{ state: TaskState }>(`select state from ${t.task} where id = $1 for update`, [lease.taskId]);
    const released = await client.query(`delete from ${t.task_slot} where task_id = $1 and slot = $2 and token = $3`, [
      lease.taskId,
      lease.slot,
      lease.token,
    ]);
    if (released.rowCount === 0 || !rows[0]) return;
    await settle(client, ctx, lease.taskId, rows[0].state, queueSchema, delayMs);
  });
}

/** Decides what becomes of a task one of whose slots was just freed. The caller holds the task's row lock. */
export async function settle(
  client: Parameters<typeof moveTask>[0],
  { db: { t } }: TaskContext,
  taskId: number,
  state: TaskState,
  queueSchema: string,
  delayMs = 0,
): Promise<void> {
  if (state === 'cancelling' || state === 'pausing') {
    const { rowCount } = await client.query(`select 1 from ${t.task_slot} where task_id = $1`, [taskId]);
    if (rowCount === 0) await moveTask(client, t, taskId, state === 'cancelling' ? 'cancelled' : 'paused');
    return;
  }
  if (state === 'queued' || state === 'preparing' || (state === 'running' && (await hasFreeChunk()))) {
    await wake(client, queueSchema, taskId, { delayMs });
    await client.query(`update ${t.task} set woken_at = now() where id = $1`, [taskId]);
  }

  // A chunk that another drain is at is not free: waking for it would go round in circles.
  async function hasFreeChunk(): Promise<boolean> {
    const { rowCount } = await client.query(
      `select 1 from ${t.chunk} where task_id = $1 and state = 'active' limit 1 for update skip locked`,
      [taskId],
    );
    return rowCount === 1;
  }
}
