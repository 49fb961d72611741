import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { type OwnTask, selectTask, type TaskRow } from '../task-row.ts';
import { seenSql } from '../who-sees.ts';
import type { LaunchRules } from './launch-rules.ts';

/** What a definition says of using results again. */
export type Reusable = Pick<TaskDefinition, 'name'> & {
  options: Pick<TaskDefinition['options'], 'resultReuseMs'>;
};

/** Until when launches of the same are answered with this task; null: they are not, at `now`. */
export function reusedUntil(
  { options: { resultReuseMs } }: Reusable,
  { state, finishedAt, isUndo }: Pick<TaskRow, 'state' | 'finishedAt' | 'isUndo'>,
  now: Date,
): Date | null {
  if (resultReuseMs === undefined || isUndo || state !== 'succeeded' || !finishedAt) return null;
  const until = new Date(finishedAt.getTime() + resultReuseMs);
  return until > now ? until : null;
}

/** Is none that succeeded after it the one that launches of the same are answered with? */
export async function isLastSuccess(
  { db: { pages, t } }: Pick<TaskContext, 'db'>,
  { id }: Pick<TaskRow, 'id'>,
): Promise<boolean> {
  const { rowCount } = await pages.query(
    `select from ${t.task} task where id = $1 and reuse_key is not null and not exists (select from ${t.task} later
       where later.operation = task.operation and later.reuse_key = task.reuse_key and later.state = 'succeeded' and later.finished_at > task.finished_at)`,
    [id],
  );
  return rowCount === 1;
}

/** The last success of the same whose result is still good, where this principal sees it. */
export async function findReusable(
  client: Queryable,
  context: TaskContext,
  { name, options: { resultReuseMs } }: Reusable,
  { reuseKey }: Pick<LaunchRules, 'reuseKey'>,
  principal: Principal,
): Promise<OwnTask | null> {
  const { t } = context.db;
  if (reuseKey === null || resultReuseMs === undefined) return null;
  const { rows } = await query<OwnTask>(
    client,
    sql`${raw(selectTask(t))} where operation = ${name} and reuse_key = ${reuseKey} and state = 'succeeded'
      and finished_at > clock_timestamp() - make_interval(secs => ${resultReuseMs}::float8 / 1000) and ${await seenSql(context, principal, client)}
    order by finished_at desc limit 1`,
  );
  return rows[0] ?? null;
}
