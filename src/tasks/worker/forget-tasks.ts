import { empty, query, raw, type Sql, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { taskJson } from '../hooks/task-json.ts';
import { aliveWorkersSql } from '../liveness.ts';
import { endedSql, unfinishedSql } from '../states.ts';

/** Each has chunks and events, which go with it. */
const maxTasks = 10;

/** A task, and when it ended, as the database has it: to the microsecond. */
export interface EndedTask {
  readonly id: number;
  readonly at: string;
}

/**
 * The newest of the finished tasks that are too many to be kept; null: none is. Those whose
 * definition says how long they are kept are not counted.
 */
export async function firstBeyond({
  db: { t, background },
  settings: { historyRetentionCount: count },
  definitions,
}: Pick<TaskContext, 'db' | 'settings' | 'definitions'>): Promise<EndedTask | null> {
  if (count === null) return null;
  const { rows } = await query<EndedTask>(
    background,
    sql`select id, finished_at::text as at from ${raw(t.task)}
     where state in (${raw(endedSql)}) and ${keptMsSql(definitions)} is null
     order by finished_at desc nulls last, id desc offset ${count}::int limit 1`,
  );
  return rows[0] ?? null;
}

/**
 * SQL: the beginning of a statement that finds as `old` finished tasks that were kept long enough, by
 * their definition or by the setting, or that are too many, from one on. What only workers of another
 * version know is left to these. What an unfinished task has launched or goes on from is kept, and
 * what hooks are still to be told of.
 */
export function oldTasksSql(
  { db: { t }, settings, definitions }: TaskContext,
  beyond: EndedTask | null,
  limit: Sql = empty,
): Sql {
  const keptMs = keptMsSql(definitions);
  const isBeyond = beyond
    ? sql`${keptMs} is null and (finished_at, id) <= (${beyond.at}::timestamptz, ${beyond.id}::int)`
    : raw('false');
  return sql`with recursive ${neededSql(t.task)}, old as (
       select id from ${raw(t.task)} task
       where state in (${raw(endedSql)})
         and (finished_at < now() - coalesce(make_interval(secs => ${keptMs} / 1000), make_interval(days => ${Math.floor(settings.historyRetentionDays)})) or ${isBeyond})
         and not (kind = 'own' and operation <> all(${[...definitions.keys()]}) and exists (select from ${raw(aliveWorkersSql(t))} worker where knows -> 'own' ? operation))
         and id not in (select line from needed)
         and id not in (select follows from needed where follows is not null)
         and id not in (select (result ->> 'id')::int from ${raw(t.task_step)} where kind = 'launch' and line_id in (select line from needed))
         and not exists (select 1 from ${raw(t.task_event)} event where event.task_id = task.id and not is_fanned)
         and not exists (select 1 from ${raw(t.task_delivery)} delivery where delivery.task_id = task.id and parked_at is null)
       order by id ${limit}
     )`;
}

/** Forgets some of those; gives how many. */
export async function forgetTasks(context: TaskContext, beyond: EndedTask | null): Promise<number> {
  const { t, background } = context.db;
  const { rowCount } = await query(
    background,
    sql`${oldTasksSql(context, beyond, raw(`limit ${maxTasks}`))}, cleaned as (
       insert into ${raw(t.task_event)} (task_id, state, payload) select id, 'cleaned', ${raw(taskJson('state', 'reason'))} from ${raw(t.task)} task where id in (select id from old)
         and exists (select 1 from ${raw(t.task_hook)} where 'task:cleaned' = any(events))
     ), events as (
       delete from ${raw(t.task_event)} where task_id in (select id from old)
     ), deliveries as (
       delete from ${raw(t.task_delivery)} where task_id in (select id from old)
     ), chunks as (
       delete from ${raw(t.chunk)} where task_id in (select id from old)
     )
     delete from ${raw(t.task)} where id in (select id from old)`,
  );
  return rowCount ?? 0;
}

/** SQL: how long the definition of a task says that it is kept; null: it does not say. */
function keptMsSql(definitions: TaskContext['definitions']): Sql {
  const kept = [...definitions].flatMap(([name, { options }]) =>
    options.keepMs === undefined ? [] : [[name, options.keepMs]],
  );
  return sql`case when kind = 'own' then (${JSON.stringify(Object.fromEntries(kept))}::jsonb ->> operation)::float8 end`;
}

/**
 * Tasks that have not ended and all parts of theirs, with the first of the line of each, whose steps
 * they have, and with what they try again or take back.
 */
function neededSql(task: string): Sql {
  const columns = `task.id, coalesce(task.line_id, task.id) as line, task.follows_id as follows`;
  return raw(`needed as (
       select ${columns} from ${task} task where state in (${unfinishedSql})
       union
       select ${columns} from ${task} task join needed on task.parent_id = needed.id
     )`);
}
