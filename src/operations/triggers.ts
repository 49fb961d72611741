import type { Queryable } from '../db/transaction.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { OperationKind } from './contract.ts';

/** Triggers of the table that run for every record; what a delete does to other tables is `consequences`. */
export async function listTriggers(client: Queryable, model: ModelMeta, operation: OperationKind): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select tgname as name from pg_trigger
     where tgrelid = $1::text::regclass and not tgisinternal and tgenabled in ('O', 'A') and (tgtype & $2::int) <> 0 order by 1`,
    [model.table, operation === 'delete' ? 8 : 16],
  );
  return rows.map(({ name }) => name);
}
