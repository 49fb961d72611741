import { queryPrepared } from '../db/prepared.ts';
import type { Queryable } from '../db/transaction.ts';
import { callPlaces, wake } from '../queue/wake.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';

/**
 * Wakes whoever waits for the end of a task, which has come; whose part it was, and what it launched,
 * are looked for. Where it waited itself, and never began, they wait for what it waited for.
 */
export async function wakeWaiting(
  client: Queryable,
  { db }: TaskContext,
  taskId: number,
): Promise<void> {
  const { rows } = await queryPrepared<Pick<TaskRow, 'id' | 'kind'>>(client, {
    text: `with woken as (
       update ${db.t.task} task set woken_at = now(), blocked_by = coalesce(nullif(ended.blocked_by, task.id), $1)
       from ${db.t.task} ended where ended.id = $1 and task.blocked_by = $1 and task.state = 'queued' returning task.id, task.kind
     )
     select id, kind from woken union all select parent_id, 'own' from ${db.t.task} where id = $1 and parent_id is not null
     union all select id, 'own' from ${db.t.task} where id = $1 and on_finished is not null`,
    values: [taskId],
  });
  for (const { id, kind } of rows) if (kind === 'bulk') await wake(client, db.queueSchema, id);
  if (rows.some(({ kind }) => kind === 'own')) await callPlaces(client, db);
}
