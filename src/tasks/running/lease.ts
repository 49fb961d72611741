import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import { type MoveReason, moveTask } from '../move-task.ts';

/** What a runner has of a task: one of its slots, for as long as the slot has this token. */
export interface Lease {
  taskId: number;
  slot: number;
  token: string;
}

/**
 * Is the slot still this runner's? If so, nobody takes it over until the transaction ends. A runner
 * whose worker was taken for dead may live on, and must neither write nor end what its successor is
 * at.
 */
export async function holdLease(
  client: Queryable,
  t: TableNames,
  { taskId, slot, token }: Lease,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select 1 from ${t.task_slot} where task_id = $1 and slot = $2 and token = $3 for share`,
    [taskId, slot, token],
  );
  return rowCount === 1;
}

/** Ends a task as failed, unless this runner has lost it. In a transaction. */
export async function failTask(
  client: Queryable,
  t: TableNames,
  lease: Lease,
  why: MoveReason,
): Promise<boolean> {
  return (await holdLease(client, t, lease)) && moveTask(client, t, lease.taskId, 'failed', why);
}
