import type { Pool, PoolClient } from 'pg';
import { AppError } from '../errors.ts';
import { sqlstate } from './sqlstate.ts';
import { transaction } from './transaction.ts';
import { inTurn } from './turns.ts';

/**
 * A transaction of a request that may wait for locks: not for long, and never on every connection
 * of the pool. Throws AppError 'busy' (503) with the sentence `held` when the lock was not had in
 * time.
 */
export async function patientTransaction<T>(
  pool: Pool,
  held: string,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  try {
    return await inTurn(pool, (lockMs) =>
      transaction(pool, work, { first: [`set local lock_timeout = ${lockMs}`] }),
    );
  } catch (error) {
    if ((error as { code?: string }).code !== sqlstate.lockNotAvailable) throw error;
    throw new AppError('busy', 503, held);
  }
}
