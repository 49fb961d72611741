import { advisoryClass } from './advisory-class.ts';
import type { Queryable } from './transaction.ts';

/**
 * Is it whose turn this transaction is, until it ends? Nobody waits: whoever else asks meanwhile is
 * told no. What was committed by whoever had it before is seen by the next statement on.
 */
export async function takeTurn(
  client: Queryable,
  what: keyof typeof advisoryClass,
  name: string,
): Promise<boolean> {
  const { rows } = await client.query<{ isOurs: boolean }>(
    'select pg_try_advisory_xact_lock($1, hashtext($2)) as "isOurs"',
    [advisoryClass[what], name],
  );
  return rows[0]?.isOurs ?? false;
}
