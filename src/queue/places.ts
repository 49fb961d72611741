import { createHash } from 'node:crypto';
import { query, type Sql, sql } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';

/** A channel's name is short, a schema's need not be. */
export function channelOf(kind: string, queueSchema: string): string {
  return `bulkhead:${createHash('sha256').update(`${kind}${queueSchema}`).digest('hex').slice(0, 32)}`;
}

/** The channel on which free places are called, one for each schema of ours. */
export function placesChannel(queueSchema: string): string {
  return channelOf('', queueSchema);
}

/**
 * Tells free places, once the transaction commits, that there is an own task to take. It only saves
 * them waiting: they look by themselves too, so nothing is lost with it.
 */
export async function callPlaces(client: Queryable, queueSchema: string): Promise<void> {
  await query(client, sql`select ${callPlacesSql(queueSchema)}`);
}

/** The same within a statement. */
export function callPlacesSql(queueSchema: string): Sql {
  return sql`pg_notify(${placesChannel(queueSchema)}, '')::text`;
}
