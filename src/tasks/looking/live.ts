import type { Principal } from '../../auth/principal.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { raw, sql, statementOf } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { type TaskRow, taskColumns } from '../task-row.ts';
import { seenSql } from '../who-sees.ts';
import { heldSql } from './holders.ts';

/** A task as what is live shows it, whosever it is. */
export type LiveTask = TaskRow & {
  /** Does who asks see it? Of one that they do not, a page says how far it is and no more. */
  readonly isSeen: boolean;
  /** Which of the records that were asked for it holds. */
  readonly heldKeys: readonly string[];
};

/** What a page asks for at once. */
export interface LiveQuery {
  readonly ids: readonly number[];
  /** Records of one model; null: none. */
  readonly held: { readonly model: string; readonly keys: readonly string[] } | null;
}

const nobody = sql`select null::text as key, null::int as "taskId" where false`;

/**
 * The tasks of these ids, those that they wait for, and whoever holds these records: one statement,
 * however many they are, and none where nothing is asked for.
 */
export async function listLive(
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  { ids, held }: LiveQuery,
): Promise<LiveTask[]> {
  const { pages, t } = context.db;
  if (ids.length === 0 && (held === null || held.keys.length === 0)) return [];
  const task = raw(t.task);
  const isSeen = await seenSql(context, principal);
  const { rows } = await queryPrepared<LiveTask>(
    pages,
    statementOf(sql`with held as (${held ? heldSql(t, held.model, held.keys) : nobody}), asked as (select unnest(${ids}::int[]) as id)
      select ${raw(taskColumns(t))}, coalesce(${isSeen}, false) as "isSeen",
        array(select held.key from held where held."taskId" = task.id) as "heldKeys"
      from ${task}
      where id in (select id from asked
        union all select blocked_by from ${task} waiting where waiting.id in (select id from asked)
        union all select "taskId" from held)`),
  );
  return rows;
}
