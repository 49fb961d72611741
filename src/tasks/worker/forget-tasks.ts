import { query, raw, type Sql, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { taskJson } from '../hooks/task-json.ts';
import { aliveWorkersSql } from '../liveness.ts';
import { unfinishedSql } from '../states.ts';

/** Each has chunks and events, which go with it. */
const maxTasks = 10;

/**
 * Forgets some finished tasks that were kept long enough, by their definition or by the setting,
 * and gives how many. What only workers of another version know is left to these. What an unfinished task has launched or goes on from is kept, and what
 * hooks are still to be told of.
 */
export async function forgetTasks({
  db: { t, background },
  settings,
  definitions,
}: TaskContext): Promise<number> {
  const kept = [...definitions].flatMap(([name, { options }]) =>
    options.keepMs === undefined ? [] : [[name, options.keepMs]],
  );
  const keptMs = sql`case when kind = 'own' then (${JSON.stringify(Object.fromEntries(kept))}::jsonb ->> operation)::float8 end`;
  const { rowCount } = await query(
    background,
    sql`with recursive ${neededSql(t.task)}, old as (
       select id from ${raw(t.task)} task
       where finished_at < now() - coalesce(make_interval(secs => ${keptMs} / 1000), make_interval(days => ${Math.floor(settings.historyRetentionDays)}))
         and not (kind = 'own' and operation <> all(${[...definitions.keys()]}) and exists (select from ${raw(aliveWorkersSql(t))} worker where knows -> 'own' ? operation))
         and id not in (select line from needed)
         and id not in (select (result ->> 'id')::int from ${raw(t.task_step)} where kind = 'launch' and line_id in (select line from needed))
         and not exists (select 1 from ${raw(t.task_event)} event where event.task_id = task.id and not is_fanned)
         and not exists (select 1 from ${raw(t.task_delivery)} delivery where delivery.task_id = task.id and parked_at is null)
       order by id limit ${maxTasks}
     ), cleaned as (
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

/** Tasks that have not ended and all parts of theirs, with the first of the line of each, whose steps they have. */
function neededSql(task: string): Sql {
  const columns = `task.id, coalesce(task.line_id, task.id) as line`;
  return raw(`needed as (
       select ${columns} from ${task} task where state in (${unfinishedSql})
       union
       select ${columns} from ${task} task join needed on task.parent_id = needed.id
     )`);
}
