import type { Principal } from '../../auth/principal.ts';
import { query, raw, shared, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { endedSql } from '../states.ts';
import type { TaskRow } from '../task-row.ts';
import { seenSql } from '../who-sees.ts';

/** What ended in a stretch of time. */
export interface Stretch {
  readonly ended: number;
  /** Tasks that failed, and those that were partly done. */
  readonly failed: number;
  readonly partial: number;
  /** Records that they changed. */
  readonly changed: number;
  /** How long they had waited to begin: half of them less, and nineteen of twenty; null: none did. */
  readonly waitP50Ms: number | null;
  readonly waitP95Ms: number | null;
}

/** What ended of one kind of task. */
export interface KindOfTask {
  readonly kind: TaskRow['kind'];
  readonly operation: string;
  readonly resource: string | null;
  readonly runs: number;
  /** Those that failed or were partly done. */
  readonly failures: number;
  /** How long somebody was at them; null: none had begun. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface Lately {
  /** One for each stretch that was asked for. */
  readonly stretches: readonly Stretch[];
  /** Those with the most runs first. */
  readonly kinds: readonly KindOfTask[];
  /** There were more: only what ended from then on is counted. Null: all of it is. */
  readonly countedFrom: Date | null;
}

/** Tasks that are counted, those that ended last. */
export const maxCounted = 20_000;
const maxKinds = 50;

/**
 * What ended between `bounds`, stretch by stretch, and by kinds since `since`, of what somebody sees.
 * One statement that reads no more than `max` tasks.
 */
export async function readLately(
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  { bounds, since, max = maxCounted }: { bounds: readonly Date[]; since: Date; max?: number },
): Promise<Lately> {
  const from = new Date(Math.min(since.getTime(), ...bounds.map((bound) => bound.getTime())));
  const edges = shared(sql`${bounds}::timestamptz[]`);
  const { rows } = await query<{
    stretches: (Stretch & { place: number })[] | null;
    kinds: KindOfTask[] | null;
    countedFrom: Date | null;
  }>(
    context.db.pages,
    sql`with ended as materialized (
       select kind, operation, resource, state, changed, finished_at,
         case when backend <> 'inline' then greatest(0, extract(epoch from started_at - coalesce(queued_at, created_at)) * 1000)::float8 end as wait_ms,
         greatest(0, extract(epoch from finished_at - started_at) * 1000 - idle_ms)::float8 as took_ms
       from ${raw(context.db.t.task)} where state in (${raw(endedSql)}) and finished_at >= ${from} and ${await seenSql(context, principal)}
       order by finished_at desc nulls last, id desc limit ${max}
     ), stretch as (
       select width_bucket(finished_at, ${edges}) as place, count(*)::int as ended, (count(*) filter (where state = 'failed'))::int as failed,
         (count(*) filter (where state = 'partial'))::int as partial, sum(changed)::float8 as changed,
         percentile_cont(0.5) within group (order by wait_ms) as "waitP50Ms", percentile_cont(0.95) within group (order by wait_ms) as "waitP95Ms"
       from ended where finished_at >= (${edges})[1] group by 1
     ), kind_of_task as (
       select kind, operation, resource, count(*)::int as runs, (count(*) filter (where state in ('failed', 'partial')))::int as failures,
         percentile_cont(0.5) within group (order by took_ms) as "p50Ms", percentile_cont(0.95) within group (order by took_ms) as "p95Ms"
       from ended where finished_at >= ${since} group by 1, 2, 3 order by runs desc, operation, resource limit ${maxKinds}
     )
     select (select json_agg(stretch) from stretch) as stretches, (select json_agg(kind_of_task) from kind_of_task) as kinds,
       (select min(finished_at) from ended having count(*) >= ${max}) as "countedFrom"`,
  );
  const { stretches, kinds, countedFrom = null } = rows[0] ?? {};
  const found = new Map(stretches?.map(({ place, ...stretch }) => [place, stretch]));
  return {
    stretches: bounds.slice(1).map((_, place) => found.get(place + 1) ?? nothing),
    kinds: kinds ?? [],
    countedFrom,
  };
}

const nothing: Stretch = {
  ...{ ended: 0, failed: 0, partial: 0, changed: 0 },
  ...{ waitP50Ms: null, waitP95Ms: null },
};
