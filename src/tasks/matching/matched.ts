import type { Database } from '../../db/database.ts';
import { query, raw, sql } from '../../db/sql.ts';

/** What became of a task that matched. */
export interface Matched {
  /** Why it was left alone; null: it was done. */
  code: string | null;
  message: string | null;
  /** The task that tries it again. */
  followUpId: number | null;
}

export interface MatchedCounts {
  /** Came to, so far. */
  found: number;
  done: number;
  /** Left alone, by reason. */
  leftAlone: Readonly<Record<string, number>>;
}

/** What became of all that a task has come to, by the first of its line. */
export async function countMatched(
  { pages, t }: Pick<Database, 'pages' | 't'>,
  lineId: number,
): Promise<MatchedCounts> {
  const { rows } = await query<{ code: string | null; count: number }>(
    pages,
    sql`select code, count(*)::int as count from ${raw(t.matched_task)} where line_id = ${lineId} group by code order by count(*) desc, code`,
  );
  const left = rows.flatMap(({ code, count }) => (code === null ? [] : [[code, count] as const]));
  return {
    found: rows.reduce((sum, { count }) => sum + count, 0),
    done: rows.find(({ code }) => code === null)?.count ?? 0,
    leftAlone: Object.fromEntries(left),
  };
}

/** One of them, by its number. */
export interface MatchedTask extends Matched {
  taskId: number;
}

/** Which of them are shown: those that were done, or left alone for one reason. */
export type MatchedFilter = { code: string | null } | null;

/** In the order of numbers, after one. */
export async function listMatched(
  { pages, t }: Pick<Database, 'pages' | 't'>,
  lineId: number,
  { only, after, limit }: { only: MatchedFilter; after: number; limit: number },
): Promise<MatchedTask[]> {
  const { rows } = await query<MatchedTask>(
    pages,
    sql`select task_id as "taskId", code, message, follow_up_id as "followUpId" from ${raw(t.matched_task)}
        where line_id = ${lineId} and task_id > ${after} and (${only === null}::boolean or code is not distinct from ${only?.code ?? null}::text)
        order by task_id limit ${limit}`,
  );
  return rows;
}
