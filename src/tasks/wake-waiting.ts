import { queryPrepared } from '../db/prepared.ts';
import type { Queryable } from '../db/transaction.ts';
import { wakeFor } from './call-for.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';

/**
 * Wakes whoever waits for the end of a task, which has come; whose part it was, and what it launched,
 * are looked for. Where it waited itself, and never began, they wait for what it waited for.
 */
export async function wakeWaiting(
  client: Queryable,
  context: TaskContext,
  taskId: number,
): Promise<void> {
  const { t } = context.db;
  const { rows } = await queryPrepared<Pick<TaskRow, 'kind' | 'backend'> & { ids: number[] }>(
    client,
    {
      text: `with woken as (
       update ${t.task} task set woken_at = now(), blocked_by = coalesce(nullif(ended.blocked_by, task.id), $1)
       from ${t.task} ended where ended.id = $1 and task.blocked_by = $1 and task.state = 'queued' returning task.id, task.kind, task.backend
     ), all_of_them as (
       select id, kind, backend from woken
       union all select parent.id, 'own', parent.backend from ${t.task} task join ${t.task} parent on parent.id = task.parent_id where task.id = $1
       union all select id, 'own', on_finished ->> 'backend' from ${t.task} where id = $1 and on_finished is not null
     )
     select kind, coalesce(backend, 'queue') as backend, array_agg(id order by id) as ids from all_of_them group by 1, 2`,
      values: [taskId],
    },
  );
  for (const { kind, backend, ids } of rows)
    await wakeFor(client, context, backend, { kind, taskIds: ids });
}
