import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { hasWorkerSql } from '../liveness.ts';
import { isPausedSql, queueSql } from '../paused-queues.ts';
import { type TaskState, unfinishedSql } from '../states.ts';
import { seenSql } from '../who-sees.ts';

/** Tasks that have not ended, of one state, queue and backend. */
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
  // Whether a worker is alive is asked once for each queue, however many tasks wait in it.
  const { rows } = await query<TasksUnderWay & { ids: number[] | null; times: Date[] | null }>(
    pages,
    sql`with unfinished as (
       select id, state, kind, ${raw(queueSql)} as queue, backend, ${raw(isPausedSql(t))} as is_paused,
         case when state = 'queued' and blocked_by is null and start_over is null and waits_for is distinct from 'children' and (due_at is null or due_at <= clock_timestamp())
           then greatest(coalesce((select max(at) from ${raw(t.task_event)} where task_id = task.id and state = 'queued'), queued_at, created_at), due_at) end as ready
       from ${raw(t.task)} task where state in (${raw(unfinishedSql)}) and ${await seenSql(context, principal)}
     ), waiting as (
       select *, case when not is_paused then ready end as since from unfinished
     ), task_group as (
       select state, kind, queue, backend, count(*)::int as count, count(since)::int as waiting,
         (count(*) filter (where since < clock_timestamp() - make_interval(secs => ${context.settings.queuedWarnMs / 1000})))::int as "waitingLong", min(since) as "waitingSince"
       from waiting group by 1, 2, 3, 4
     ), oldest as (
       select id, ready from waiting where ready is not null order by ready, id limit ${oldestShown}
     )
     select state, queue, count, waiting, "waitingLong", "waitingSince", backend <> 'inline' and state not in ('paused', 'scheduled') and not ${raw(hasWorkerSql(t))} as "isWithoutWorker",
       (select array_agg(id order by ready, id) from oldest) as ids, (select array_agg(ready order by ready, id) from oldest) as times
     from task_group order by queue, state`,
  );
  const { ids, times } = rows[0] ?? {};
  return {
    groups: rows.map(({ ids: _ids, times: _times, ...group }) => group),
    oldest: (ids ?? []).map((id, place) => ({ id, since: times?.[place] as Date })),
  };
}
