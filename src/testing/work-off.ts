import type { TaskRow } from '../tasks/task-row.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import type { TestApp } from './app.ts';
import { finished } from './context.ts';

/** Lets a worker take a task to its end, and stops it whatever comes of it. */
export async function workOff(
  { context, connectionString, db }: Pick<TestApp, 'context' | 'connectionString' | 'db'>,
  taskId: number,
): Promise<TaskRow> {
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  return finished(db, taskId).finally(() => worker.stop());
}
