import type { Pool } from 'pg';
import { transaction } from '../db/transaction.ts';
import { wake } from '../queue/wake.ts';
import type { Resource, Where } from '../resources/contract.ts';
import { selectionWhere } from '../selection/selection.ts';
import { activate } from './activate.ts';
import type { TaskContext } from './context.ts';
import { freeze, type Lease } from './freeze.ts';
import type { Holder } from './holders.ts';
import { whyNot } from './may-run.ts';
import { moveTask } from './move-task.ts';
import type { TaskRow } from './task-row.ts';

/**
 * Freezes what a task is about and makes it hold those records. Permission, scope and "is this user still active" are
 * asked again here. A task that may not run, overlaps another, or finds another count than was confirmed ends before
 * its first write.
 */
export async function prepare(ctx: TaskContext, pool: Pool, task: TaskRow, resource: Resource, lease: Lease): Promise<void> {
  const { db, register } = ctx;
  const refusal = await whyNot(ctx, task, resource);
  if (refusal) return fail(refusal.code, `${refusal.message} Nothing was changed.`);
  const where = await taskWhere(ctx, task, resource);
  const total = await freeze(pool, db.t, register.client, resource, where, lease);
  if (total === null) return;
  if (task.expected !== null && Math.abs(total - task.expected) > tolerance(task.expected)) {
    return fail('count-changed', `${task.expected} records were confirmed, but ${total} match now. Nothing was changed.`);
  }
  if (total === 0) return fail('no-records', 'No record matches any more. Nothing was changed.');
  await transaction(pool, async (client) => {
    const holders = await activate(client, db.t, task);
    if (holders.length > 0) {
      await moveTask(client, db.t, task.id, 'failed', { reason: 'overlap', message: overlapMessage(holders) });
      return;
    }
    await client.query(
      `update ${db.t.task} set total = $2, chunk_count = (select count(*) from ${db.t.chunk} where task_id = $1) where id = $1`,
      [task.id, total],
    );
    if (!(await moveTask(client, db.t, task.id, 'running'))) return;
    for (let slot = 1; slot < task.parallelism; slot++) await wake(client, db.queueSchema, task.id);
  });

  async function fail(reason: string, message: string): Promise<void> {
    await transaction(pool, (client) => moveTask(client, db.t, task.id, 'failed', { reason, message }));
  }
}

/** A frozen count may differ from the confirmed one by 10 records or 1 %, whichever is more. */
function tolerance(expected: number): number {
  return Math.max(10, expected * 0.01);
}

export function overlapMessage(holders: readonly Holder[]): string {
  const [first, ...others] = holders;
  if (!first) return '';
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `Some of these records are being changed by task ${first.taskId} (${first.title}, ${first.principalName}, ${first.done} of ${first.total} done)${more}. Nothing was changed.`;
}

/** The predicate of a task, rebuilt from the filter's text and the principal: a `where` is never stored. */
export async function taskWhere(ctx: TaskContext, task: TaskRow, resource: Resource): Promise<Where> {
  const { rows } = await ctx.db.drains.query<{ keys: string[] | null }>(
    `select array(select jsonb_array_elements_text(selection -> 'keys')) as keys from ${ctx.db.t.task} where id = $1`,
    [task.id],
  );
  const { kind, filter, exclusions = [] } = task.selection;
  if (kind !== 'ticked' && kind !== 'matching') throw new Error(`task ${task.id} is about no predicate`);
  return selectionWhere(resource, task.principal, { kind, filter, exclusions: [...exclusions], keys: rows[0]?.keys ?? [] });
}
