import type { Database } from '../db/database.ts';
import { inlined } from '../db/sql.ts';
import { entriesOf } from '../operations/journal/kept-images.ts';
import { unfinishedSql } from '../tasks/states.ts';

const isHolding = `task.state in (${unfinishedSql}) and task.locks_off_reason is null`;

/** What must hold of our own tables at any moment: each as SQL whose rows say what is wrong. */
export function invariantsAlways({ t }: Pick<Database, 't'>): Record<string, string> {
  return {
    'no record is held by two tasks, but by one and those whose part it is': `
      with recursive held as materialized (
        select chunk.task_id, task.model, unnest(chunk.keys) as key from ${t.chunk} chunk join ${t.task} task on task.id = chunk.task_id
        where chunk.state = 'active' and ${isHolding}
        union
        select lock_set.task_id, lock_set.model, unnest(lock_range.keys) from ${t.lock_set} lock_set join ${t.task} task on task.id = lock_set.task_id
        join ${t.lock_range} lock_range on lock_range.set_id = lock_set.id
        where lock_set.is_held and ${isHolding}
      ), family as (
        select id, parent_id as ancestor from ${t.task} where parent_id is not null
        union
        select family.id, task.parent_id from family join ${t.task} task on task.id = family.ancestor where task.parent_id is not null
      )
      select format('record %s of %s is held by tasks %s and %s', key, model, one.task_id, other.task_id) as text
      from held one join held other using (model, key) where one.task_id < other.task_id
        and not exists (select from family where (id, ancestor) in ((one.task_id, other.task_id), (other.task_id, one.task_id)))`,
    'the counts of a task add up': `
      select format('task %s (%s): done %s, but %s + %s + %s + %s + %s + %s', id, state, done, changed, unchanged, failed, gone, conflicted, kept_back) as text
      from ${t.task} where done <> changed + unchanged + failed + gone + conflicted + kept_back`,
    'a task says it changed as many records as its kept changes have': `
      select format('task %s (%s): changed %s, kept %s of %s records', id, state, changed, coalesce(kept, 0), coalesce(records, 0)) as text
      from ${t.task} task left join (
        select task_id, count(*)::int as kept, count(distinct key)::int as records
        from ${t.change} cross join unnest(keys) key where along_with is null group by task_id
      ) change on change.task_id = task.id
      where changed <> coalesce(kept, 0) or changed <> coalesce(records, 0)`,
    'a task has as many chunks done as it says': `
      select format('task %s (%s): %s chunks done of %s, but says %s of %s', id, state, is_done, there, chunks_done, chunk_count) as text
      from ${t.task} task join (
        select task_id, count(*)::int as there, count(*) filter (where state = 'done')::int as is_done from ${t.chunk} group by task_id
      ) chunk on chunk.task_id = task.id
      where task.state not in ('queued', 'preparing') and chunks_done > 0 and (is_done <> chunks_done or there <> chunk_count)`,
    'every record that was not changed is named': `
      select format('task %s (%s): failed %s, conflicted %s and kept back %s, but %s are named', id, state, failed, conflicted, kept_back, coalesce(named, 0)) as text
      from ${t.task} task left join (
        select task_id, count(*)::int as named from ${t.task_failure} cross join unnest(keys) key group by task_id
      ) failure on failure.task_id = task.id
      where backend = 'queue' and chunks_done > 0 and failed + conflicted + kept_back <> coalesce(named, 0)`,
    'an undo writes what was there before, or names what triggers made of it': `
      select format('task %s (%s) undoes %s (%s), but record %s was %s and is %s', undo.task_id, task.title, parent.task_id, task.follows_id, key,
        parent.before, undo.after) as text
      from ${images(t.change)} undo join ${t.task} task on task.id = undo.task_id and task.operation = 'undo'
      join ${images(t.change)} parent using (key)
      where parent.task_id = task.follows_id and undo.kind = 'update' and parent.kind = 'update' and undo.after - 'updatedAt' <> parent.before - 'updatedAt'
        and not exists (select from ${t.task_alteration} altered where altered.task_id = task.id and key = any(altered.keys) and not altered.is_beside)
      limit 5`,
  };
}

/** What must hold once everything has come to rest. */
export function invariantsAtRest({
  t,
  queueSchema,
}: Pick<Database, 't' | 'queueSchema'>): Record<string, string> {
  return {
    ...invariantsAlways({ t }),
    'every task has ended': `
      select format('task %s (%s) is %s, %s of %s done, deaths %s, slots %s', id, title, state, done, total, deaths,
        (select count(*) from ${t.task_slot} where task_id = task.id)) as text
      from ${t.task} task where state in (${unfinishedSql})`,
    'a task that succeeded is done with all of its records': `
      select format('task %s: %s of %s done', id, done, total) as text from ${t.task} where state in ('succeeded', 'partial') and done <> total`,
    'nothing else ends a task than what was asked of it': `
      select format('task %s (%s): %s: %s', id, title, reason, message) as text from ${t.task} where reason in ('error', 'worker-died', 'too-slow')`,
    'no slot is left': `select format('task %s, slot %s of worker %s', task_id, slot, worker_id) as text from ${t.task_slot}`,
    'no lock is left': `
      select format('lock %s %s of %s', classid, objid, application_name) as text from pg_locks held join pg_stat_activity session using (pid)
      where locktype = 'advisory' and granted and datname = current_database() and session.state like 'idle%'
        and not exists (select from ${t.worker} worker where worker.lock_id::oid = objid)
      union all
      select format('%s stands still in a transaction', application_name) from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%' and state_change < clock_timestamp() - interval '10 seconds'`,
    'no wake-up is left': `select format('wake-up %s: %s', id, last_error) as text from "${queueSchema}".jobs where attempts > 0`,
  };
}

/** Every broken one by name, with the first rows that say so. */
export async function findBroken(
  { pages }: Database,
  invariants: Record<string, string>,
): Promise<string[]> {
  const broken: string[] = [];
  for (const [name, sql] of Object.entries(invariants)) {
    const { rows } = await pages.query<{ text: string }>(sql);
    if (rows.length > 0)
      broken.push(
        [`BROKEN: ${name}`, ...rows.slice(0, 5).map(({ text }) => `  ${text}`)].join('\n'),
      );
  }
  return broken;
}

function images(change: string): string {
  return `(select change.task_id, change.kind, entry.key, entry.before, entry.after from ${change} change ${inlined(entriesOf('change', null))})`;
}
