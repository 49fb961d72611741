import { query, raw, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { endedSql } from '../states.ts';

/** Whose ends somebody is not to miss. */
export interface EndedLately {
  principalId: string;
  /** Records that they look at; null: of none in particular. */
  model: string | null;
  withinMs: number;
}

/** Tasks of somebody, and of whomever over the same records, that have ended lately. */
export async function listEndedLately(
  { db }: Pick<TaskContext, 'db'>,
  { principalId, model, withinMs }: EndedLately,
): Promise<number[]> {
  const { rows } = await query<{ id: number }>(
    db.pages,
    sql`select id from ${raw(db.t.task)} where state in (${raw(endedSql)}) and finished_at > now() - ${withinMs} * interval '1 millisecond'
       and (principal_id = ${principalId} or model = ${model})`,
  );
  return rows.map(({ id }) => id);
}
