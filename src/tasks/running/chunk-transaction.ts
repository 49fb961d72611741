import type { Pool } from 'pg';
import { type Queryable, transaction } from '../../db/transaction.ts';
import type { Operation } from '../../operations/contract.ts';
import { clientTransaction, needsClient } from '../../operations/rules/client-transaction.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';

/**
 * What is done in the transaction; null rolls it back. `tx` is the project's client, where the
 * resource is written with it.
 */
type Work<T> = (client: Queryable, tx: Client | null) => Promise<T | null>;

// Deferred constraints are checked here rather than at the commit, whose failure would have no row
// to blame.
const checked = 'set constraints all immediate';

/** Thrown to roll back what nobody refused. */
class RolledBack extends Error {}

/**
 * Runs one chunk in a transaction of its own: committed when there is a result, else rolled back.
 */
export async function chunkTransaction<T>(
  context: TaskContext,
  pool: Pool,
  { resource, operation }: { resource: Resource; operation: Operation },
  work: Work<T>,
): Promise<T | null> {
  const orRollBack = async (client: Queryable, tx: Client | null): Promise<T> => {
    const result = await work(client, tx);
    if (result === null) throw new RolledBack();
    return result;
  };
  try {
    return await (needsClient(resource, operation)
      ? throughClient(context, pool, orRollBack)
      : throughPool(context, pool, orRollBack));
  } catch (error) {
    if (error instanceof RolledBack) return null;
    throw error;
  }
}

/**
 * Settings of a chunk's transaction. Records are always reached by key here; a plan that reads the
 * whole table would be one gone wrong, and one that must is not worth compiling.
 *
 * @param pauseMs longest that code of the project's may have between two statements
 */
export function settingsOf({ settings }: TaskContext, pauseMs: number): Record<string, string> {
  return {
    enable_seqscan: 'off',
    jit: 'off',
    statement_timeout: String(settings.statementTimeoutMs),
    lock_timeout: String(settings.lockTimeoutMs),
    // Only of whoever is frozen: what takes too long here is ended here, so that fewer records are tried.
    idle_in_transaction_session_timeout: String(pauseMs + settings.staleAfterMs),
  };
}

function throughPool<T>(
  context: TaskContext,
  pool: Pool,
  work: (client: Queryable, tx: null) => Promise<T>,
): Promise<T> {
  const first = Object.entries(settingsOf(context, 0)).map(
    ([name, value]) => `set local ${name} = ${value}`,
  );
  return transaction(pool, (client) => work(client, null), { first, last: [checked] });
}

function throughClient<T>(
  context: TaskContext,
  pool: Pool,
  work: (client: Queryable, tx: Client) => Promise<T>,
): Promise<T> {
  // Hooks may take longer than any statement of theirs.
  const timeoutMs = context.settings.statementTimeoutMs * 2;
  const settings = Object.entries(settingsOf(context, timeoutMs)).map(
    ([name, value]) => `set_config('${name}', '${value}', true)`,
  );
  return clientTransaction(context.registry, pool, { timeoutMs }, async (client, tx) => {
    await client.query(`select ${settings.join(', ')}`);
    const result = await work(client, tx);
    await client.query(checked);
    return result;
  });
}
