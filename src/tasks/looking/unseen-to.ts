import type { Principal } from '../../auth/principal.ts';
import { query, raw, shared, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { seenSql } from '../who-sees.ts';

/** What has gone wrong and nobody has seen to. */
export interface UnseenTo {
  /** Tasks that failed or were partly done. */
  readonly failures: number;
  /** Calls of hooks that were given up, and the task of the latest. */
  readonly hooks: number;
  readonly hookTaskId: number | null;
  /** Notices that were given up. */
  readonly notices: number;
}

/** What was given up longer ago needs nobody. */
const givenUpFor = "interval '7 days'";

/**
 * Of what somebody sees, counted up to `max` and one more; of hooks and notices only where all of it
 * is theirs to see. One statement.
 */
export async function readUnseenTo(
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  { seesAll, max }: { seesAll: boolean; max: number },
): Promise<UnseenTo> {
  const { pages, t } = context.db;
  const limit = shared(sql`${max + 1}::int`);
  const isTheirs = shared(sql`${seesAll}::boolean`);
  const { rows } = await query<UnseenTo>(
    pages,
    sql`with hook_call as (
       select id, task_id from ${raw(t.task_delivery)} where ${isTheirs} and parked_at > now() - ${raw(givenUpFor)} order by id desc limit ${limit}
     )
     select (select count(*)::int from (select from ${raw(t.task)}
         where acknowledged_at is null and state in ('partial', 'failed') and ${await seenSql(context, principal)} limit ${limit}) failure) as failures,
       (select count(*)::int from hook_call) as hooks, (select task_id from hook_call order by id desc limit 1) as "hookTaskId",
       (select count(*)::int from (select from ${raw(t.notice)}
         where ${isTheirs} and state = 'given-up' and settled_at > now() - ${raw(givenUpFor)} limit ${limit}) notice) as notices`,
  );
  return rows[0] as UnseenTo;
}
