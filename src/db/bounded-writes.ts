import type { Pool, QueryConfig } from 'pg';
import { transaction } from './transaction.ts';

/** What may wait for somebody else's row. */
const writing =
  /^\s*(?:insert|update|delete|merge)\b|^\s*with\b[\s\S]*\b(?:insert into|update|delete from)\b|\bfor (?:no key )?(?:update|share)\b/i;

/**
 * Behind a pooler no setting may stay on a connection: a statement by itself that may wait for a row
 * is sent in a transaction of its own, which has its settings.
 */
export function boundWrites(pool: Pool): void {
  const plain = pool.query.bind(pool) as (...given: unknown[]) => unknown;
  const bounded = (...given: unknown[]) => {
    const [statement, ...others] = given as [string | QueryConfig, ...unknown[]];
    const text = typeof statement === 'string' ? statement : statement.text;
    const isCalledBack = others.some((other) => typeof other === 'function');
    if (isCalledBack || !writing.test(text)) return plain(...given);
    return transaction(
      pool,
      (client) => (client.query as (...same: unknown[]) => Promise<unknown>).call(client, ...given),
      { waitsForNobody: true },
    );
  };
  pool.query = bounded as unknown as Pool['query'];
}
