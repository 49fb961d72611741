import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';

/** Messages that somebody has not read. */
export interface Unseen {
  /** Counted up to `maxUnseen`. */
  readonly count: number;
  /** Id of the latest of all; 0: there is none. */
  readonly latest: number;
}

/** Beyond it is “more”. */
export const maxUnseen = 100;

/** SQL of one value, an Unseen as JSON, of whoever has the id that is SQL. */
export function unseenSql(t: TableNames, id: string): string {
  return `(select json_build_object('count', count(*), 'latest', coalesce(max(unseen.id), 0))
        from (select id from ${t.notice} where recipient = ${id} and channel = 'message' and state = 'sent' and seen_at is null order by id desc limit ${maxUnseen}) unseen)`;
}

/** One statement, for people who are no rows of ours: others' come with their session. */
export async function countUnseen(client: Queryable, t: TableNames, id: string): Promise<Unseen> {
  const { rows } = await client.query<{ unseen: Unseen }>(
    `select ${unseenSql(t, 'given.id')} as unseen from (select $1::text as id) given`,
    [id],
  );
  return rows[0]?.unseen ?? { count: 0, latest: 0 };
}
