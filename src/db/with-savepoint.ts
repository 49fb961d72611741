import type { Queryable } from './transaction.ts';

/** Within a transaction: what `work` wrote is taken back where it throws, and nothing else is. */
export async function withSavepoint<T>(
  client: Queryable,
  work: (client: Queryable) => Promise<T>,
): Promise<T> {
  await client.query('savepoint bulkhead');
  try {
    const done = await work(client);
    await client.query('release savepoint bulkhead');
    return done;
  } catch (error) {
    await client.query('rollback to savepoint bulkhead; release savepoint bulkhead');
    throw error;
  }
}
