import type { Principal } from '../auth/principal.ts';
import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';
import { launchOnFinishedSql, nextIdSql } from './on-finished.ts';
import { isFinished, statesBefore, type TaskState } from './states.ts';

export interface MoveReason {
  /** Who moves it; left out: the system. */
  by?: Pick<Principal, 'id' | 'name'> | undefined;
  reason?: string | undefined;
  message?: string | undefined;
}

/**
 * The one way a task changes state outside a chunk's own last statement: a conditional update and
 * its event, together. Returns false when the task is not in a state from which the move is allowed
 * (somebody else was faster). What has ended holds nothing more.
 */
export async function moveTask(
  client: Queryable,
  t: TableNames,
  taskId: number,
  to: TaskState,
  why: MoveReason = {},
): Promise<boolean> {
  return (await moveTasks(client, t, [taskId], to, why)) === 1;
}

/** The same of several; gives how many were moved. */
export async function moveTasks(
  client: Queryable,
  t: TableNames,
  taskIds: readonly number[],
  to: TaskState,
  { reason, message, by }: MoveReason = {},
): Promise<number> {
  const isEnd = isFinished(to);
  const { rowCount } = await client.query(
    `with old as (
       select id, state${isEnd ? `, ${nextIdSql(t)} as next_id` : ''} from ${t.task} where id = any($1) and state = any($2) for update
     ), moved as (
       update ${t.task} task set state = $3, reason = coalesce($4, reason), message = coalesce($5, message),
         started_at = case when $3 = 'preparing' then coalesce(started_at, now()) else started_at end,
         finished_at = case when $6 then clock_timestamp() else finished_at end
         ${isEnd ? `, on_finished = on_finished || jsonb_build_object('taskId', next_id)` : ''}
       from old where task.id = old.id returning task.*, old.state as from_state${isEnd ? ', next_id' : ''}
     )${isEnd ? `, ${launchOnFinishedSql(t)}` : ''}, released as (
       delete from ${t.lock_set} where task_id in (select id from moved where $6)
     )
     insert into ${t.task_event} (task_id, at, from_state, state, reason, by) select id, clock_timestamp(), from_state, $3, $4, $7::jsonb from moved returning task_id`,
    [
      taskIds,
      statesBefore(to),
      to,
      reason ?? null,
      message ?? null,
      isEnd,
      by ? JSON.stringify({ id: by.id, name: by.name }) : null,
    ],
  );
  return rowCount ?? 0;
}
