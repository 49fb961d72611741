import type { Pool } from 'pg';
import { databaseError } from '../../db/database-error.ts';
import { beginningOf, type Queryable } from '../../db/transaction.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
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
 * the same connection: never two connections in one unit of work.
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
      return work(sql, tx);
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
