import type { Queryable } from '../db/transaction.ts';
import { AppError } from '../errors.ts';

/**
 * What is asked after a wait must see what was committed meanwhile, which a transaction of another
 * level does not. Throws AppError 'wrong-isolation' (422).
 */
export async function assertReadCommitted(client: Queryable, what: string): Promise<void> {
  const { rows } = await client.query<{ level: string }>(
    `select current_setting('transaction_isolation') as level`,
  );
  const level = rows[0]?.level;
  if (level === 'read committed') return;
  throw new AppError(
    'wrong-isolation',
    422,
    `Your transaction is ${level}: ${what} in one that is read committed.`,
  );
}
