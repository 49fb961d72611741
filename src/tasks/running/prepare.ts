import type { Pool, PoolClient } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';
import { keySql } from '../../metadata/key-sql.ts';
import { editsOf } from '../../operations/operations.ts';
import { movesOntoCode } from '../../operations/update/moves-onto.ts';
import type { Resource } from '../../resources/contract.ts';
import { wakeFor } from '../call-for.ts';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import type { Holder } from '../looking/holders.ts';
import { moveTask } from '../move-task.ts';
import type { BulkTask } from '../task-row.ts';
import { activate, lockModels } from './activate.ts';
import { descendantModels, draftDescendants, forgetDescendants } from './descendants.ts';
import { type Frozen, freeze } from './freeze.ts';
import { type KeySource, keySourceOf } from './key-source.ts';
import { failTask, holdLease, type Lease } from './lease.ts';
import { whyNot } from './may-run.ts';
import { wholeTask } from './pace.ts';
import { readyOperation } from './ready-operation.ts';
import { assertStayApart } from './stay-apart.ts';

/**
 * Freezes what a task is about and makes it hold those records. Permission, scope and "is this user
 * still active" are asked again here. A task that may not run, overlaps another, or finds another
 * count than was confirmed ends before its first write; one that was told to wait goes back to the
 * queue.
 */
export async function prepare(
  context: TaskContext,
  pool: Pool,
  task: BulkTask,
  resource: Resource,
  lease: Lease,
): Promise<void> {
  const { db } = context;
  const refusal = await whyNot(context, task);
  if (refusal) return fail(refusal.code, `${refusal.message} Nothing was changed.`);
  const source = await keySourceOf(context, task, resource);
  if (task.isAtomic && task.expected === null && (await isTooMany(pool, source)))
    return fail('too-many-at-once', limitTexts.atomic(resource.label));
  const { together = 0 } = await readyOperation(context, { ...task, client: pool, resource });
  const frozen = await freeze(
    pool,
    db.t,
    source,
    task.isAtomic ? wholeTask : Math.max(together, resource.chunkSize),
    lease,
  );
  if (frozen === null) return;
  const { total } = frozen;
  const isPreviewed = task.selection.kind === 'ticked' || task.selection.kind === 'matching';
  if (
    isPreviewed &&
    task.expected !== null &&
    Math.abs(total - task.expected) > tolerance(task.expected)
  ) {
    return fail(
      'count-changed',
      `${task.expected} records were confirmed, but ${total} match now. Nothing was changed.`,
    );
  }
  if (total === 0) {
    const since = task.selection.isByCode ? '' : ' any more';
    return fail('no-records', `No record matches${since}. Nothing was changed.`);
  }
  const unknown = await draftDescendants(context, pool, resource, lease);
  if (unknown !== null) return fail('descendants', unknown);
  const onto = await whyOnto(context, pool, task, resource);
  if (onto) return fail(movesOntoCode, onto);
  await transaction(pool, async (client) => {
    const hasDescendants = resource.descendants !== null;
    const withThem = hasDescendants ? await descendantModels(client, db.t, task.id) : [];
    await lockModels(client, db.t, [...new Set([task.model, ...withThem])]);
    if (!(await isStillPreparing(client, db.t, lease))) return;
    const holders = await activate(client, db.t, { ...task, hasDescendants });
    if (holders.length === 0) return begin(context, client, task, frozen);
    if (hasDescendants) await forgetDescendants(client, db.t, task.id);
    if (task.overlap === 'wait') return waitFor(context, client, task, holders);
    await moveTask(client, db.t, task.id, 'failed', {
      reason: 'overlap',
      message: overlapMessage(holders),
    });
  });

  async function fail(reason: string, message: string): Promise<void> {
    await transaction(pool, async (client) => {
      await failTask(client, db.t, lease, { reason, message });
      if (resource.descendants) await forgetDescendants(client, db.t, task.id);
    });
  }
}

/** More than fit into one transaction? Asked where nobody has counted them at the launch. */
async function isTooMany(pool: Pool, { keys }: KeySource): Promise<boolean> {
  const { rowCount } = await query(
    pool,
    sql`select 1 from (${keys}) source offset ${limits.bulk.atomic}::int limit 1`,
  );
  return rowCount === 1;
}

/** Why the change would move its records onto each other; null: it would not. */
async function whyOnto(
  { db }: TaskContext,
  pool: Pool,
  task: BulkTask,
  resource: Resource,
): Promise<string | null> {
  const { model } = resource;
  const rows = sql`select t.* from ${raw(model.table)} t join (select unnest(keys) as key from ${raw(db.t.chunk)} where task_id = ${task.id}) frozen
    on frozen.key = ${raw(keySql(model, 't'))} collate "C"`;
  try {
    await assertStayApart(
      pool,
      { isInTransaction: false },
      model,
      editsOf(resource, task),
      () => rows,
    );
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

/**
 * Asked after the wait for other activations: meanwhile the task may have been cancelled, or be
 * another runner's.
 */
async function isStillPreparing(client: PoolClient, t: TableNames, lease: Lease): Promise<boolean> {
  if (!(await holdLease(client, t, lease))) return false;
  const { rowCount } = await client.query(
    `select 1 from ${t.task} where id = $1 and state = 'preparing' for update`,
    [lease.taskId],
  );
  return rowCount === 1;
}

async function begin(
  context: TaskContext,
  client: PoolClient,
  task: BulkTask,
  { total }: Frozen,
): Promise<void> {
  const { db } = context;
  const { rows } = await client.query<{ count: number }>(
    `update ${db.t.task} set total = $2, chunk_count = (select count(*) from ${db.t.chunk} where task_id = $1) where id = $1
     returning chunk_count as count`,
    [task.id, total],
  );
  if (rows[0]?.count === 0) {
    await moveTask(client, db.t, task.id, 'failed', {
      reason: 'records-held',
      message: overlapMessage([]),
    });
    return;
  }
  if (!(await moveTask(client, db.t, task.id, 'running'))) return;
  const others = Array<number>(task.parallelism - 1).fill(task.id);
  if (others.length > 0)
    await wakeFor(client, context, task.backend, { kind: 'bulk', taskIds: others });
}

/** Back to the queue, holding nothing, until the first of those in the way has finished. */
async function waitFor(
  context: TaskContext,
  client: PoolClient,
  task: BulkTask,
  [first]: readonly Holder[],
): Promise<void> {
  const { db } = context;
  if (!abilitiesOf(context, task).later) {
    const message = `${overlapMessage(first ? [first] : [])} It cannot wait for that: it runs by the backend “${task.backend}”.`;
    await moveTask(client, db.t, task.id, 'failed', { reason: 'records-held', message });
    return;
  }
  if (!(await moveTask(client, db.t, task.id, 'queued', { reason: 'waiting' }))) return;
  await client.query(`update ${db.t.task} set blocked_by = $2 where id = $1`, [
    task.id,
    first?.taskId,
  ]);
  await client.query(`delete from ${db.t.chunk} where task_id = $1`, [task.id]);
}

/** A frozen count may differ from the confirmed one by 10 records or 1 %, whichever is more. */
function tolerance(expected: number): number {
  return Math.max(10, expected * 0.01);
}

export function overlapMessage(holders: readonly Holder[]): string {
  const [first, ...others] = holders;
  if (!first) return 'Other tasks hold every one of these records. Nothing was changed.';
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `Some of these records are being changed by task ${first.taskId} (${first.title}, ${first.principalName}, ${first.done.toLocaleString('en')} of ${first.total.toLocaleString('en')} done)${more}. Nothing was changed.`;
}
