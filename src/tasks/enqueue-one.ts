import type { Queryable } from '../db/transaction.ts';
import { callFor } from './call-for.ts';
import { backendOfBulk } from './choose-backend.ts';
import type { TaskContext } from './context.ts';
import { insertTask, type NewTask } from './insert-task.ts';
import { earlierTask, type Launched } from './launched.ts';

/** The row of a task for workers, and the call for one unless it waits for another’s end alone. */
export async function enqueueOne(
  client: Queryable,
  context: TaskContext,
  task: NewTask,
): Promise<Launched> {
  const backend = task.backend ?? backendOfBulk(context, { ...task, count: task.expected });
  const inserted = await insertTask(client, context.db, task, { backend, state: 'queued' });
  if (!inserted.isNew) return earlierTask(inserted.task, task.operationId);
  const { blockedBy, startOver } = inserted.task;
  if (blockedBy === null || startOver)
    await callFor(client, context, backend, { kind: 'bulk', taskIds: [inserted.task.id] });
  return { task: inserted.task, outcome: 'queued' };
}
