import type { Database } from '../../db/database.ts';

export interface LogLine {
  at: Date;
  line: string;
}

export interface LogFound {
  /** The latest, the first of them first. */
  lines: LogLine[];
  /** How many are kept. */
  count: number;
}

/** What runs of an own task have said. */
export async function readLog(
  { pages, t }: Database,
  taskId: number,
  limit: number,
): Promise<LogFound> {
  const { rows } = await pages.query<LogLine & { count: number }>(
    `select at, line, count(*) over ()::int as count from ${t.task_log} where task_id = $1 order by id desc limit $2`,
    [taskId, limit],
  );
  return {
    lines: rows.map(({ at, line }) => ({ at, line })).toReversed(),
    count: rows[0]?.count ?? 0,
  };
}
