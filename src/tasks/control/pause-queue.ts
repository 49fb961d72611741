import { writeEntry } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError, notFound } from '../../errors.ts';
import { bulkQueue } from '../../queue-names.ts';
import { wakeFor } from '../call-for.ts';
import type { TaskContext } from '../context.ts';
import { listQueues } from '../looking/list-queues.ts';
import { unfinishedSql } from '../states.ts';
import type { TaskRow } from '../task-row.ts';
import { assertOperates } from '../who-sees.ts';

/**
 * Nothing new of a queue is taken from then on; what runs goes on to its end, bulk work to the end of
 * its slice. Schedules go on to launch. Throws AppError 'not-found' (404) where there is no such
 * queue, 'queue-paused' (409) where somebody was faster.
 */
export async function pauseQueue(
  client: Queryable,
  context: TaskContext,
  principal: Principal,
  name: string,
  reason: string | null = null,
): Promise<void> {
  assertOperates(context, principal);
  const known = (await listQueues(context, client)).find((queue) => queue.name === name);
  if (!known) throw notFound();
  const by = JSON.stringify({ id: principal.id, name: principal.name });
  const { rowCount } = await query(
    client,
    sql`insert into ${raw(context.db.t.paused_queue)} (name, by, reason) values (${name}, ${by}, ${reason}) on conflict do nothing`,
  );
  if (rowCount === 0)
    throw new AppError('queue-paused', 409, `The queue “${name}” is paused already.`);
  const details = { queue: name, ...(reason !== null && { reason }) };
  await writeEntry(client, context.db, { act: 'queue-paused', by: principal, details });
}

/**
 * What waits in a queue is taken again: all of it is called for. Throws AppError 'queue-not-paused'
 * (409).
 */
export async function resumeQueue(
  client: Queryable,
  context: TaskContext,
  principal: Principal,
  name: string,
): Promise<void> {
  assertOperates(context, principal);
  const { t } = context.db;
  const { rowCount } = await query(
    client,
    sql`delete from ${raw(t.paused_queue)} where name = ${name}`,
  );
  if (rowCount === 0)
    throw new AppError('queue-not-paused', 409, `The queue “${name}” is not paused.`);
  const details = { queue: name };
  await writeEntry(client, context.db, { act: 'queue-resumed', by: principal, details });
  await callWaiting(client, context, name);
}

/** Bulk work as often as it has runners. A statement after the one that resumed: it sees who gave up meanwhile. */
async function callWaiting(client: Queryable, context: TaskContext, name: string): Promise<void> {
  const kind: TaskRow['kind'] = name === bulkQueue ? 'bulk' : 'own';
  const ofQueue = kind === 'bulk' ? sql`kind = 'bulk'` : sql`kind = 'own' and queue = ${name}`;
  const { rows } = await query<{ id: number; backend: string; times: number }>(
    client,
    sql`select id, backend, case when state = 'running' then parallelism else 1 end as times from ${raw(context.db.t.task)} task
     where ${ofQueue} and state in (${raw(unfinishedSql)}) and state not in ('paused', 'scheduled') and backend <> 'inline' and (due_at is null or due_at <= clock_timestamp())
       and not exists (select from ${raw(context.db.t.task_slot)} where task_id = task.id)`,
  );
  for (const backend of new Set(rows.map((row) => row.backend))) {
    const taskIds = rows
      .filter((row) => row.backend === backend)
      .flatMap(({ id, times }) => Array<number>(times).fill(id));
    await wakeFor(client, context, backend, { kind, taskIds });
  }
}
