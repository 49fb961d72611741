import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { seenSql } from '../who-sees.ts';
import { maxCounted } from './lately.ts';

/** Tasks that failed or were partly done for one reason. */
export interface FailuresInTime {
  /** Null: none is kept. */
  readonly reason: string | null;
  /** One for each stretch that was asked for. */
  readonly counts: readonly number[];
  readonly total: number;
}

/**
 * By reason and by when they were asked for, between `bounds`, as the page of tasks finds them: the
 * commonest reason first. One statement that reads no more than `max` tasks.
 */
export async function readFailuresInTime(
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  { bounds, max = maxCounted }: { bounds: readonly Date[]; max?: number },
): Promise<FailuresInTime[]> {
  const { rows } = await query<{ reason: string | null; place: number; count: number }>(
    context.db.pages,
    sql`select reason, width_bucket(created_at, ${bounds}::timestamptz[]) as place, count(*)::int as count from (
       select reason, created_at from ${raw(context.db.t.task)}
       where state in ('partial', 'failed') and created_at >= ${bounds[0]} and created_at < ${bounds.at(-1)} and ${await seenSql(context, principal)}
       order by created_at desc limit ${max}) failure
     group by 1, 2`,
  );
  const reasons = new Map<string | null, number[]>();
  for (const { reason, place, count } of rows) {
    const counts = reasons.get(reason) ?? bounds.slice(1).map(() => 0);
    counts[place - 1] = count;
    reasons.set(reason, counts);
  }
  return [...reasons]
    .map(([reason, counts]) => ({
      reason,
      counts,
      total: counts.reduce((sum, count) => sum + count, 0),
    }))
    .sort(
      (one, other) => other.total - one.total || `${one.reason}`.localeCompare(`${other.reason}`),
    );
}
