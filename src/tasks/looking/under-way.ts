import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { aliveWorkersSql, workerForSql } from '../liveness.ts';
import { isPausedSql, queueSql } from '../paused-queues.ts';
import { type TaskState, unfinishedSql } from '../states.ts';
import { seenSql } from '../who-sees.ts';

/** Tasks that have not ended, of one state and queue, as far as workers are alike for them. */
export interface TasksUnderWay {
  readonly state: TaskState;
  /** `bulk`, or the queue of own tasks. */
  readonly queue: string;
  readonly count: number;
  /** Those that could begin now, but for a worker or a place: not where their queue is paused. */
  readonly waiting: number;
  /** Of these, those that have waited for `queuedWarnMs`. */
  readonly waitingLong: number;
  /** Since when the first of them could. */
  readonly waitingSince: Date | null;
  /** Is no worker alive that could run them? Of what runs within its call nobody asks. */
  readonly isWithoutWorker: boolean;
  /** Are workers alive, and none of them knows what they are about? */
  readonly isUnknown: boolean;
}

/** A task whose turn it is but for a worker, a place, or a queue that is paused, and since when. */
export interface WaitingTask {
  readonly id: number;
  readonly since: Date;
}

export interface UnderWayNow {
  readonly groups: readonly TasksUnderWay[];
  /** Those that have waited for longest, up to `oldestShown`. */
  readonly oldest: readonly WaitingTask[];
}

const oldestShown = 5;

/** Of those that somebody sees; one statement. */
export async function readUnderWay(
  context: Pick<TaskContext, 'db' | 'registry' | 'people' | 'settings'>,
  principal: Principal,
): Promise<UnderWayNow> {
  const { pages, t } = context.db;
  // Which workers are alive is asked once, and who runs them once for all that are about the same.
  const { rows } = await query<TasksUnderWay & { ids: number[] | null; times: Date[] | null }>(
    pages,
    sql`with unfinished as (
       select id, state, kind, ${raw(queueSql)} as queue, backend, operation, resource, parameters_version, is_undo, parameters -> 'what' ->> 'operation' as undone, ${raw(isPausedSql(t))} as is_paused,
         case when state = 'queued' and blocked_by is null and start_over is null and waits_for is distinct from 'children' and (due_at is null or due_at <= clock_timestamp())
           then greatest(coalesce((select max(at) from ${raw(t.task_event)} where task_id = task.id and state = 'queued'), queued_at, created_at), due_at) end as ready
       from ${raw(t.task)} task where state in (${raw(unfinishedSql)}) and ${await seenSql(context, principal)}
     ), waiting as (
       select *, case when not is_paused then ready end as since from unfinished
     ), alive as materialized ${raw(aliveWorkersSql(t))}, task_group as (
       select state, kind, queue, backend, operation, resource, parameters_version, is_undo, jsonb_build_object('what', jsonb_build_object('operation', undone)) as parameters, count(*)::int as count, count(since)::int as waiting,
         (count(*) filter (where since < clock_timestamp() - make_interval(secs => ${context.settings.queuedWarnMs / 1000})))::int as "waitingLong", min(since) as "waitingSince"
       from waiting group by 1, 2, 3, 4, 5, 6, 7, 8, undone
     ), oldest as (
       select id, ready from waiting where ready is not null order by ready, id limit ${oldestShown}
     )
     select state, queue, sum(count)::int as count, sum(waiting)::int as waiting, sum("waitingLong")::int as "waitingLong", min("waitingSince") as "waitingSince",
       coalesce(worker_for = 'none', false) as "isWithoutWorker", coalesce(worker_for = 'unknowing', false) as "isUnknown",
       (select array_agg(id order by ready, id) from oldest) as ids, (select array_agg(ready order by ready, id) from oldest) as times
     from (select *, case when backend <> 'inline' and state not in ('paused', 'scheduled') then ${raw(workerForSql('alive'))} end as worker_for from task_group) task_group
     group by state, queue, worker_for order by queue, state, worker_for`,
  );
  const { ids, times } = rows[0] ?? {};
  return {
    groups: rows.map(({ ids: _ids, times: _times, ...group }) => group),
    oldest: (ids ?? []).map((id, place) => ({ id, since: times?.[place] as Date })),
  };
}
