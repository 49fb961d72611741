import { writeEntry } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { query, raw, type Sql, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError, notFound } from '../../errors.ts';
import { placesChannel } from '../../queue/places.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql } from '../liveness.ts';
import { assertOperates } from '../who-sees.ts';

type Asking = Pick<TaskContext, 'db' | 'registry'>;

/**
 * Asks a worker to take nothing more: own tasks that it is at go on to their ends, bulk work is handed
 * on after its chunk. Throws AppError 'not-found' (404) where it is not alive, 'worker-asked' (409)
 * where it was asked already.
 */
export async function quietWorker(
  client: Queryable,
  context: Asking,
  principal: Principal,
  id: string,
): Promise<void> {
  await ask(client, context, principal, id, 'quiet', sql`asked is null`);
}

/**
 * Asks a worker to stop, as SIGTERM does: it hands on what it is at, and ends. Throws AppError
 * 'not-found' (404), 'worker-asked' (409).
 */
export async function stopWorker(
  client: Queryable,
  context: Asking,
  principal: Principal,
  id: string,
): Promise<void> {
  await ask(client, context, principal, id, 'stop', sql`asked is distinct from 'stop'`);
}

/** A quiet worker takes tasks again. Throws AppError 'not-found' (404), 'worker-not-quiet' (409). */
export async function resumeWorker(
  client: Queryable,
  context: Asking,
  principal: Principal,
  id: string,
): Promise<void> {
  await ask(client, context, principal, id, null, sql`asked = 'quiet'`);
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** By its row, which it reads now and then, and at once where it hears the call. */
async function ask(
  client: Queryable,
  context: Asking,
  principal: Principal,
  id: string,
  asked: 'quiet' | 'stop' | null,
  isFrom: Sql,
): Promise<void> {
  assertOperates(context, principal);
  const { t, queueSchema } = context.db;
  if (!uuid.test(id)) throw notFound();
  const by = asked === null ? null : JSON.stringify({ id: principal.id, name: principal.name });
  const { rowCount } = await query(
    client,
    sql`update ${raw(t.worker)} worker set asked = ${asked}, asked_by = ${by}, asked_at = case when ${asked}::text is not null then clock_timestamp() end
     where id = ${id} and ${isFrom} and backends <> '{}' and ${raw(isAliveSql)}`,
  );
  if (rowCount === 0) {
    const { rows } = await query<{ asked: string | null }>(
      client,
      sql`select asked from ${raw(t.worker)} worker where id = ${id} and backends <> '{}' and ${raw(isAliveSql)}`,
    );
    if (!rows[0]) throw notFound();
    if (asked === null)
      throw new AppError('worker-not-quiet', 409, 'This worker is not quiet, or is to stop.');
    throw new AppError(
      'worker-asked',
      409,
      'This worker has been asked to already, or is to stop.',
    );
  }
  const act =
    asked === null ? 'worker-resumed' : asked === 'quiet' ? 'worker-quieted' : 'worker-stopped';
  await writeEntry(client, context.db, { act, by: principal, details: { worker: id } });
  await query(client, sql`select pg_notify(${placesChannel(queueSchema)}, ${id})::text`);
}
