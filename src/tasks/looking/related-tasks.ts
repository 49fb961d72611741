import type { Principal } from '../../auth/principal.ts';
import { join, query, raw, type Sql, shared, sql } from '../../db/sql.ts';
import { recordChangesSql } from '../../operations/journal/history.ts';
import type { TaskContext } from '../context.ts';
import type { TaskRow } from '../task-row.ts';
import { listTasksById } from './queries.ts';

/** How another task belongs to one, beside those that follow it, that it follows, and its parts. */
export const relations = ['schedule', 'same', 'waiting', 'records'] as const;
export type Relation = (typeof relations)[number];

export interface RelatedTask {
  relation: Relation;
  task: TaskRow;
}

/** Tasks of a relation that are looked for. */
const limit = 5;

/**
 * Tasks that belong to one, as far as somebody sees them, a few of each relation and the newest
 * first: launched by the same schedule, under way or done lately with the same key, waiting for it,
 * about the same records (of bulk work: those that changed the first of its records). Three
 * statements at most, each part of which has its index.
 */
export async function listRelated(
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  task: TaskRow,
): Promise<RelatedTask[]> {
  const { pages, t } = context.db;
  const id = shared(sql`${task.id}::int`);
  const found = [ofSchedule(), ofSameKey(), ofWaiting(), await ofRecords()];
  const parts = found.flatMap((part, index) =>
    part === null
      ? []
      : [sql`select ${raw(`'${relations[index]}'`)} as relation, id from (${part}) part`],
  );
  const { rows } = await query<{ relation: Relation; id: number }>(
    pages,
    join(parts, ' union all '),
  );
  const ids = [...new Set(rows.map((row) => row.id))];
  const seen = new Map((await listTasksById(context, principal, ids)).map((one) => [one.id, one]));
  return rows.flatMap(({ relation, id: other }) => {
    const related = other === task.id ? undefined : seen.get(other);
    return related ? [{ relation, task: related }] : [];
  });

  function ofSchedule(): Sql {
    const run = raw(t.schedule_run);
    const near = (beyond: string, order: string) =>
      sql`(select task_id from ${run} near where near.schedule = own.schedule and near.due_at ${raw(beyond)} own.due_at and task_id is not null order by due_at ${raw(order)} limit ${limit})`;
    return sql`select near.task_id as id from ${run} own cross join lateral (${near('<', 'desc')} union all ${near('>', 'asc')}) near
      where own.task_id = ${id} order by id desc limit ${limit}`;
  }

  function ofSameKey(): Sql {
    const own = (column: string) => raw(`(select ${column} from ${t.task} where id = `);
    return sql`(select id from ${raw(t.task)} where operation = ${task.operation} and unique_key = ${own('unique_key')}${id})
        and state in ('queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling') and id <> ${id} order by id desc limit ${limit})
      union
      (select id from ${raw(t.task)} where operation = ${task.operation} and reuse_key = ${own('reuse_key')}${id})
        and state = 'succeeded' and id <> ${id} order by finished_at desc limit ${limit})
      order by id desc limit ${limit}`;
  }

  function ofWaiting(): Sql {
    return sql`select id from ${raw(t.task)} where blocked_by = ${id} order by id desc limit ${limit}`;
  }

  async function ofRecords(): Promise<Sql | null> {
    if (task.kind === 'own')
      return sql`select distinct other.task_id as id from (select model, key from ${raw(t.task_about)} where task_id = ${id} order by model, key limit ${limit}) own
        join ${raw(t.task_about)} other using (model, key) where other.task_id <> ${id} order by id desc limit ${limit}`;
    const first = await query<{ key: string }>(
      pages,
      sql`select first_key as key from ${raw(t.chunk)} where task_id = ${id} order by number limit 1`,
    );
    const [record] = first.rows;
    if (!record) return null;
    const key = shared(sql`${record.key}::text`);
    return sql`select distinct task_id as id from ${raw(t.change)} where id in (${recordChangesSql(t, task.model, key)}) and task_id <> ${id} order by id desc limit ${limit}`;
  }
}
