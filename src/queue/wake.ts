import { createHash } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import { query, type Sql, sql } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';

/** The queue's name for the one function it calls. */
export const queueFunction = 'bulkhead:task';

/**
 * Puts a wake-up call for a task into the queue, in the caller's transaction. It carries the task's
 * id alone. Its key says whose it is, and is never given again: re-adding one inside the running
 * job would start a second run at once.
 */
export async function wake(
  client: Queryable,
  queueSchema: string,
  taskId: number,
  { delayMs = 0 }: { delayMs?: number } = {},
): Promise<void> {
  const { rows } = await client.query<{ id: string | null }>(
    `select id::text from ${escapeIdentifier(queueSchema)}.add_job($1, json_build_object('taskId', $2::int),
       job_key := $2::int || ' ' || gen_random_uuid(), run_at := case when $3::int > 0 then now() + make_interval(secs => $3::int / 1000.0) end)`,
    [queueFunction, taskId, Math.round(delayMs)],
  );
  // Under contention graphile-worker's add_job has been seen to return null: better no launch than
  // a task nobody is called for.
  if (!rows[0]?.id) throw new Error(`the queue did not take the wake-up for task ${taskId}`);
}

/** Is a task called for already, by a wake-up that nobody has taken yet? `taskId` is SQL. */
export function isWokenSql(queueSchema: string, taskId: string): string {
  return `exists (select 1 from ${escapeIdentifier(queueSchema)}.jobs where task_identifier = '${queueFunction}' and split_part(key, ' ', 1) = ${taskId}::text
    and locked_at is null and attempts < max_attempts)`;
}

/** The channel on which free places are called, one for each schema of ours. */
export function placesChannel(queueSchema: string): string {
  // A channel's name is short, a schema's need not be.
  return `bulkhead:${createHash('sha256').update(queueSchema).digest('hex').slice(0, 32)}`;
}

/**
 * Tells free places, once the transaction commits, that there is an own task to take. It only saves
 * them waiting: they look by themselves too, so nothing is lost with it.
 */
export async function callPlaces(
  client: Queryable,
  { queueSchema }: { queueSchema: string },
): Promise<void> {
  await query(client, sql`select ${callPlacesSql(queueSchema)}`);
}

/** The same within a statement. */
export function callPlacesSql(queueSchema: string): Sql {
  return sql`pg_notify(${placesChannel(queueSchema)}, '')::text`;
}
