import type { Pool } from 'pg';
import { sqlstate, sqlstateOf } from './sqlstate.ts';

interface Unanswered {
  /** Of whoever waits for an answer: called when it is known that none will come any more. */
  waiting: Set<(why: Error) => void>;
  onUnanswered: (error: unknown) => void;
}

/**
 * A pool that reads from a standby. What the standby does not answer, whatever the reason, is asked
 * of the primary, whose answer counts: recovery ends what reads too long what goes away meanwhile,
 * and a standby may be gone, promoted, or without a column that it has yet to replay. Nothing that
 * goes this way writes, so that asking twice is no more than asking.
 *
 * A transaction is the primary's from its beginning. So is what has a callback.
 */
export function readingPool(
  primary: Pool,
  standby: Pool,
  { waiting, onUnanswered }: Unanswered,
): Pool {
  const ask = (pool: Pool, given: readonly unknown[]) =>
    Reflect.apply(pool.query as (...args: unknown[]) => unknown, pool, given);
  const query = async (...given: readonly unknown[]) => {
    if (typeof given.at(-1) === 'function') return ask(primary, given);
    try {
      // A connection that meets an error is not kept: the pool closes it.
      return await unlessGone(waiting, ask(standby, given));
    } catch (error) {
      if (isAnswer(error)) throw error;
      onUnanswered(error);
      return ask(primary, given);
    }
  };
  return new Proxy(primary, {
    get(_, name) {
      if (name === 'query') return query;
      const value = Reflect.get(primary, name, primary) as unknown;
      return typeof value === 'function' ? value.bind(primary) : value;
    },
  });
}

function unlessGone(waiting: Unanswered['waiting'], answer: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => waiting.delete(reject));
  });
}

/** What a value cannot be, and what takes too long, would be the same anywhere. */
function isAnswer(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === sqlstate.queryCanceled || (state?.startsWith('22') ?? false);
}
