import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import { failTask, type Lease } from './lease.ts';

/**
 * Ends a task as failed at which somebody has been for longer than may be, unless this runner has
 * lost it. What it has not come to is kept as what can be tried again. In a transaction.
 */
export async function endLate(
  client: Queryable,
  t: TableNames,
  lease: Lease,
  limitMs: number,
): Promise<void> {
  const may = `${(limitMs / 1_000).toLocaleString('en')} s`;
  const message = `It took longer than the ${may} that it may. What was done before stays, and the rest can be tried again.`;
  if (!(await failTask(client, t, lease, { reason: 'time-limit', message }))) return;
  // Whoever else is at a chunk has committed it by now, or finds that the task is over.
  await client.query(
    `insert into ${t.task_failure} (task_id, chunk, code, message, is_conflict, keys)
     select task_id, number, 'not-reached', $2, true, keys from ${t.chunk} where task_id = $1 and state = 'active'`,
    [lease.taskId, 'The task had taken as long as it may.'],
  );
}
