import type { Pool } from 'pg';
import { defaultHardLimitMs } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { isBlocked } from '../running/slots.ts';
import { type OwnTask, taskColumns } from '../task-row.ts';
import { awaitsChildrenSql } from './children.ts';

export interface Taken {
  task: OwnTask;
  /** Of its slot: whoever has lost it writes nothing more. */
  token: string;
}

/**
 * Takes own tasks that are due and known here, the most urgent first, at most `limit`: they run
 * from then on, each in a slot of this worker's. One statement; what another worker is taking is
 * passed over.
 */
export async function takeOwn(
  context: TaskContext,
  pool: Pool,
  workerId: string,
  names: readonly string[],
  limit: number,
): Promise<Taken[]> {
  const { t } = context.db;
  const limitsMs = names.map(
    (name) => context.definitions.get(name)?.options.hardLimitMs ?? defaultHardLimitMs,
  );
  const { rows } = await pool.query<OwnTask & { token: string }>(
    `with next as (
       select id, operation from ${t.task} task where kind = 'own' and state = 'queued' and (due_at is null or due_at <= clock_timestamp())
         and operation = any($2::text[])
         and not ${isBlocked(context)}
         and not ${awaitsChildrenSql(t)}
       order by priority desc, due_at nulls first, id limit $3 for update skip locked
     ), slots as (
       insert into ${t.task_slot} (task_id, slot, worker_id, token, ends_at)
       select id, 0, $1, gen_random_uuid(), clock_timestamp() + make_interval(secs => ($4::float8[])[array_position($2::text[], operation)] / 1000) from next returning task_id, token
     ), taken as (
       update ${t.task} task set state = 'running', started_at = coalesce(started_at, clock_timestamp()), attempts = attempts + 1,
         due_at = null, waits_for = null, awaits = '{}', fails_fast = false, blocked_by = null, reason = null, message = null, rested_at = null,
         idle_ms = idle_ms + coalesce(extract(epoch from clock_timestamp() - greatest(rested_at, started_at)) * 1000, 0)
       from next where task.id = next.id returning task.*
     ), event as (
       insert into ${t.task_event} (task_id, at, from_state, state) select id, clock_timestamp(), 'queued', 'running' from next
     )
     select ${taskColumns(t)}, token from taken join slots on slots.task_id = taken.id order by priority desc, id`,
    [workerId, names, limit, limitsMs],
  );
  return rows.map(({ token, ...task }) => ({ task: task as OwnTask, token }));
}

/** How long until the next of them is due; null: none has a time to come. */
export async function millisecondsUntilDue(
  { db: { t } }: TaskContext,
  pool: Pool,
  names: readonly string[],
): Promise<number | null> {
  const { rows } = await pool.query<{ ms: number | null }>(
    `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as ms from ${t.task}
     where kind = 'own' and state = 'queued' and operation = any($1) and due_at > clock_timestamp()`,
    [names],
  );
  return rows[0]?.ms ?? null;
}
