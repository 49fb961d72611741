import type { Queryable } from '../db/transaction.ts';
import { wake } from '../queue/wake.ts';
import type { TaskContext } from './context.ts';
import { insertTask, type NewTask } from './insert-task.ts';
import { earlierTask, type Launched } from './launched.ts';

/** The row of a task for workers, and its wake-up unless it waits for another’s end alone. */
export async function enqueueOne(
  client: Queryable,
  { db }: TaskContext,
  task: NewTask,
): Promise<Launched> {
  const inserted = await insertTask(client, db, task, { backend: 'queue', state: 'queued' });
  if (!inserted.isNew) return earlierTask(inserted.task, task.operationId);
  const { blockedBy, startOver } = inserted.task;
  if (blockedBy === null || startOver) await wake(client, db.queueSchema, inserted.task.id);
  return { task: inserted.task, outcome: 'queued' };
}
