import type { Pool } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import { transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { clientTransaction } from '../../operations/rules/client-transaction.ts';
import type { TransactionClient } from '../../resources/hooks.ts';
import type { AffectedRecords } from '../../task-definitions/affected-records.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import { TaskRetryLater } from '../../task-definitions/task-run.ts';
import { chosenByCode } from '../chosen-by-code.ts';
import type { TaskContext } from '../context.ts';
import { familyOf } from '../family.ts';
import { matchingKeys } from '../running/key-source.ts';
import { holdLease, type Lease } from '../running/lease.ts';
import { lockMatching, type Matching } from '../running/lock-matching.ts';
import type { OwnTask } from '../task-row.ts';
import { RunLost } from './steps.ts';

/** What a run is about to be called with. */
export interface Affecting {
  definition: TaskDefinition;
  principal: Principal;
  params: unknown;
}

const busyAfterMs = 1_000;

/**
 * Makes a task hold what its definition says that it affects, all of it or nothing, unless it does
 * already. Null: it does; else whose end it waits for.
 *
 * Throws AppError 'locked' (423) where it does not wait, 'invalid-selection', 'invalid-key' (422),
 * 'not-found' where its person may not see the resource; TaskRetryLater where somebody writes to one
 * of the records for too long; what `affects` throws.
 */
export async function holdAffected(
  context: TaskContext,
  pool: Pool,
  task: OwnTask,
  lease: Lease,
  { definition, principal, params }: Affecting,
): Promise<{ holder: number } | null> {
  const { affects, overlap = 'wait' } = definition.options;
  if (!affects || task.holdsAffected || task.locksOffReason !== null) return null;
  const { t } = context.db;
  const timeoutMs = context.settings.statementTimeoutMs;
  const said = await clientTransaction(context.registry, pool, { timeoutMs }, async (sql, tx) => {
    await sql.query('set transaction read only');
    return affects(params, tx as unknown as TransactionClient);
  });
  const matching: Matching[] = [];
  for (const one of [said].flat()) matching.push(await matchingOf(context, principal, one));
  try {
    await lockMatching({ pool, t, task, lease }, matching);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'busy')
      throw new TaskRetryLater({ afterMs: busyAfterMs, reason: error.message });
    const { holder } = error.details;
    if (!holder || overlap === 'refuse' || (await hasHoldingAncestor(pool, t, task))) throw error;
    return { holder: holder.taskId };
  }
  await transaction(pool, async (client) => {
    if (!(await holdLease(client, t, lease))) throw new RunLost(task.id);
    await client.query(`update ${t.task} set holds_affected = true where id = $1`, [task.id]);
  });
  return null;
}

async function matchingOf(
  context: TaskContext,
  principal: Principal,
  affected: AffectedRecords,
): Promise<Matching> {
  const { resource: slug, ...chosen } = affected ?? {};
  if (typeof slug !== 'string')
    throw new TypeError('affects: it gives { resource, keys } or { resource, where }, or a list.');
  const resource = context.registry.for(principal, slug);
  const { where } = await chosenByCode(context, resource, principal, chosen);
  return { model: resource.model, keys: (await matchingKeys(context, resource, where)).keys };
}

/** Whoever waits while those above it hold something may be waited for by them in the end. */
async function hasHoldingAncestor(
  client: Queryable,
  t: TableNames,
  task: Pick<OwnTask, 'id' | 'parentId'>,
): Promise<boolean> {
  const [, ...ancestors] = await familyOf(client, t, task);
  const { rowCount } = await client.query(
    `select from ${t.lock_set} where task_id = any($1) and is_held limit 1`,
    [ancestors],
  );
  return rowCount === 1;
}

/**
 * Does it wait for records, while one that it is a part of has come to hold some since? For rows
 * `task`: it is asked whenever one is looked for, and is refused then.
 */
export function mayNotWaitSql(t: TableNames): string {
  return `(task.reason = 'waiting' and task.parent_id is not null and exists (
       with recursive above as (
         select parent.id, parent.parent_id from (select task.parent_id as id) own join ${t.task} parent on parent.id = own.id
         union all
         select parent.id, parent.parent_id from above join ${t.task} parent on parent.id = above.parent_id
       ) select from above join ${t.lock_set} lock_set on lock_set.task_id = above.id and lock_set.is_held))`;
}
