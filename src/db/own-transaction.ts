import type { QueryResult, QueryResultRow } from 'pg';
import type { Queryable } from './transaction.ts';

/** A transaction of the project's own: of its Prisma client, or a client of `pg` after `begin`. */
export type OwnTransaction = Queryable | PrismaTransaction;

/** What `$transaction` of a Prisma client hands its function. */
export interface PrismaTransaction {
  $queryRawUnsafe<T = unknown>(statement: string, ...values: unknown[]): PromiseLike<T>;
}

/** The transaction as our statements are sent to it. */
export function queryableOf(tx: OwnTransaction): Queryable {
  if ('query' in tx && typeof tx.query === 'function') return tx;
  const prisma = tx as PrismaTransaction;
  return {
    async query<R extends QueryResultRow>(statement: string, values: unknown[] = []) {
      const rows = await prisma.$queryRawUnsafe<R[]>(statement, ...values);
      return { rows, rowCount: rows.length } as QueryResult<R>;
    },
  };
}
