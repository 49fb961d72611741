import type { Principal } from '../../auth/principal.ts';
import { empty, query, raw, shared, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { endedSql, unfinishedSql } from '../states.ts';
import { taskColumns } from '../task-row.ts';
import { isUndoneSql } from './failed-records.ts';
import type { ListedTask } from './find-tasks.ts';

export interface MyTasks {
  /** On the first page alone. */
  unfinished: ListedTask[];
  /** How many have not ended, those that are not shown too. */
  unfinishedCount: number;
  ended: ListedTask[];
  /** The last of the page, where there are older ones. */
  olderThan: number | null;
}

/** Tasks that somebody launched: those that have not ended, then a page of the others, newest first. One statement. */
export async function listMyTasks(
  { db: { pages, t } }: Pick<TaskContext, 'db'>,
  principal: Principal,
  { before, size }: { before: number | null; size: number },
): Promise<MyTasks> {
  const task = raw(t.task);
  const mine = shared(sql`principal_id = ${principal.id}`);
  const unfinished = raw(unfinishedSql);
  const columns = raw(`${taskColumns(t)}, ${isUndoneSql(t, 'visible')} as "isUndone"`);
  const isOlder = before === null ? empty : sql`and id < ${before}`;
  // Those that have not ended are looked through: they are few, and found by an index of their own.
  const { rows } = await query<ListedTask & { unfinishedCount: number }>(
    pages,
    sql`with under_way as materialized (select id from ${task} where state in (${unfinished}) and ${mine} and ${before}::int is null),
     past as (select id from ${task} where state in (${raw(endedSql)}) and ${mine} ${isOlder} order by id desc limit ${size + 1})
     select ${columns}, (select count(*)::int from under_way) as "unfinishedCount" from ${task} visible
     where id = any(array(select id from (select id from under_way order by id desc limit ${size}) newest)) or id = any(array(select id from past))
     order by finished_at is not null, id desc`,
  );
  const [unfinishedRows, endedRows] = [
    rows.filter(({ finishedAt }) => finishedAt === null),
    rows.filter(({ finishedAt }) => finishedAt !== null),
  ];
  const ended = endedRows.slice(0, size);
  return {
    unfinished: unfinishedRows,
    unfinishedCount: rows[0]?.unfinishedCount ?? 0,
    ended,
    olderThan: endedRows.length > size ? (ended.at(-1)?.id ?? null) : null,
  };
}
