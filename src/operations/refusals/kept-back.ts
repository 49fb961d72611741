import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import type { ApplyCounts, Refusal } from '../contract.ts';
import { RecordsRefused } from './records-refused.ts';

/**
 * Reason of records that were to be written and stand as they were, though the database raised
 * nothing.
 */
export const keptBackCode = 'kept-back';

export const keptBackMessage =
  'It stands as it was: the database (a trigger, a policy) or code of the project kept the change back, without saying why.';

export function keptBack(keys: readonly string[]): Refusal {
  return { code: keptBackCode, message: keptBackMessage, keys };
}

/**
 * Ends the attempt: what else was written on behalf of these records is taken back, and the others
 * are tried without them.
 */
export function refuseKeptBack(keys: readonly string[]): void {
  if (keys.length > 0) throw new RecordsRefused([keptBack(keys)]);
}

export function keptBackOf({ refusals = [] }: ApplyCounts): string[] {
  return refusals.filter(({ code }) => code === keptBackCode).flatMap(({ keys }) => [...keys]);
}

export function without(keys: readonly string[], others: readonly string[]): string[] {
  const left = new Set(others);
  return keys.filter((key) => !left.has(key));
}

/**
 * Those that are there, whoever may write them: read without a lock, since one asks the policies
 * for updates too.
 */
export async function presentKeys(
  client: Queryable,
  model: ModelMeta,
  keys: readonly string[],
): Promise<string[]> {
  if (keys.length === 0) return [];
  const found = raw(`${keySql(model, 't')} collate "C" as key from ${model.table} t`);
  const { rows } = await query<{ key: string }>(
    client,
    sql`select ${found} where ${keyCondition(model, 't', keys)} order by 1`,
  );
  return rows.map(({ key }) => key);
}
