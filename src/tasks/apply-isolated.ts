import type { Queryable } from '../db/transaction.ts';
import type { ApplyCounts, ApplyTarget, Operation } from '../operations/contract.ts';
import { blame, sqlstateOf } from './sqlstate.ts';

export interface Refusal {
  /** SQLSTATE, with the constraint's name where the database gives one: `23514:city_rating_check`. */
  code: string;
  message: string;
  keys: string[];
}

export interface ChunkOutcome extends ApplyCounts {
  refusals: Refusal[];
  failed: number;
}

/** Into how many parts a set is cut when one of its rows is refused. */
const fanOut = 8;

/**
 * Applies an operation to keys so that a row the database refuses fails alone and every other is changed: in
 * savepoints, smaller sets, then single rows. Deferred constraints are checked within, or they would fail at commit
 * with no row to blame. Errors that are no row's fault are thrown.
 */
export async function applyIsolated(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<ChunkOutcome> {
  const outcome: ChunkOutcome = { changed: 0, unchanged: 0, gone: 0, failed: 0, refusals: [] };
  const reasons = new Map<string, Refusal>();
  await attempt(keys);
  outcome.refusals = [...reasons.values()];
  return outcome;

  async function attempt(set: readonly string[]): Promise<void> {
    await client.query('savepoint attempt');
    try {
      const counts = await operation.apply(client, target, set, params);
      await client.query('set constraints all immediate; release savepoint attempt');
      outcome.changed += counts.changed;
      outcome.unchanged += counts.unchanged;
      outcome.gone += counts.gone;
      return;
    } catch (error) {
      if (blame(error) !== 'row') throw error;
      await client.query('rollback to savepoint attempt; release savepoint attempt');
      if (set.length === 1) return refuse(set[0] as string, error);
    }
    const size = Math.ceil(set.length / fanOut);
    for (let start = 0; start < set.length; start += size) await attempt(set.slice(start, start + size));
  }

  function refuse(key: string, error: unknown): void {
    const { constraint, message } = error as { constraint?: string; message: string };
    const code = [sqlstateOf(error), constraint].filter(Boolean).join(':');
    const refusal = reasons.get(code) ?? { code, message, keys: [] };
    refusal.keys.push(key);
    reasons.set(code, refusal);
    outcome.failed += 1;
  }
}
