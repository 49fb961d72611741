import type { Pool } from 'pg';
import { DatabaseError, databaseError } from '../../db/database-error.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { beginningOf, type Queryable } from '../../db/transaction.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { within } from '../../within.ts';
import type { Operation } from '../contract.ts';

/**
 * Must this operation, or this resource, be written inside a transaction of the project's own
 * client?
 */
export function needsClient(
  { writeThrough, validate, hooks }: Pick<Resource, 'writeThrough' | 'validate' | 'hooks'>,
  operation: Pick<Operation, 'needsClient'>,
): boolean {
  if (operation.needsClient) return true;
  return (
    writeThrough === 'client' ||
    validate !== null ||
    Object.values(hooks).some((hook) => hook !== undefined)
  );
}

/**
 * One READ COMMITTED transaction of the project's client over a pool, with our own statements on
 * the same connection: never two connections in one unit of work. Code of the project's that does
 * not come back is left behind when the time is over, with a transaction in which it does nothing
 * more: Prisma itself would wait for it for ever.
 */
export async function clientTransaction<T>(
  registry: ResourceRegistry,
  pool: Pool,
  { timeoutMs }: { timeoutMs: number },
  work: (sql: Queryable, tx: Client) => Promise<T>,
): Promise<T> {
  try {
    const begin = async (tx: Client) => {
      const sql = queryableOf(tx);
      await setWithin(sql, beginningOf(pool));
      return within(work(sql, tx), timeoutMs, () => tookTooLong(timeoutMs));
    };
    return await registry.clientOver(pool).$transaction(begin, {
      isolationLevel: 'ReadCommitted',
      timeout: timeoutMs,
      maxWait: timeoutMs,
    });
  } catch (error) {
    throw databaseError(error);
  }
}

function tookTooLong(timeoutMs: number): DatabaseError {
  const message = `the transaction did not come to its end within ${timeoutMs / 1_000} s`;
  const nothing = { constraint: null, column: null };
  return new DatabaseError(sqlstate.queryCanceled, message, nothing, new Error(message));
}

/** Settings, milliseconds by their names, for the rest of the transaction. */
export async function setWithin(
  sql: Queryable,
  settings: Readonly<Record<string, number>>,
): Promise<void> {
  const set = Object.entries(settings).map(([name, ms]) => `set_config('${name}', '${ms}', true)`);
  if (set.length > 0) await sql.query(`select ${set.join(', ')}`);
}

/**
 * Raw statements inside a transaction of the client's. A text of several statements, which only the
 * simple protocol takes, is sent one by one; the number of rows is of what is returned.
 */
export function queryableOf(client: Client): Queryable {
  const run = async (sql: string, values: unknown[]) => {
    try {
      return await client.$queryRawUnsafe<Record<string, unknown>[]>(sql, ...values);
    } catch (error) {
      throw databaseError(error);
    }
  };
  const query = async (sql: string, values: unknown[] = []) => {
    const parts =
      values.length > 0 ? [sql] : sql.split(/;\s*/).filter((part) => part.trim() !== '');
    let rows: Record<string, unknown>[] = [];
    for (const part of parts) rows = await run(part, values);
    return { rows, rowCount: rows.length, command: '', oid: 0, fields: [] };
  };
  return { query: query as unknown as Queryable['query'] };
}
