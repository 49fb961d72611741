import { sqlstateOf } from '../../db/sqlstate.ts';
import type { Queryable } from '../../db/transaction.ts';
import { assertNotOnto } from '../../operations/update/moves-onto.ts';

/**
 * Asks `assertNotOnto`, in a savepoint where the client is in a transaction. Where a new value
 * cannot be worked out for one of the records, each is left to be refused alone.
 */
export async function assertStayApart(
  client: Queryable,
  { isInTransaction }: { isInTransaction: boolean },
  ...[model, changes, rows]: Parameters<typeof assertNotOnto> extends [unknown, ...infer Rest]
    ? Rest
    : never
): Promise<void> {
  if (isInTransaction) await client.query('savepoint apart');
  try {
    await assertNotOnto(client, model, changes, rows);
    if (isInTransaction) await client.query('release savepoint apart');
  } catch (error) {
    if (!sqlstateOf(error)?.startsWith('22')) throw error;
    if (isInTransaction) await client.query('rollback to savepoint apart');
  }
}
