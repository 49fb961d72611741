import { randomUUID } from 'node:crypto';
import type { TaskContext } from '../tasks/context.ts';
import type { Launched } from '../tasks/launched.ts';
import { runSlice } from '../tasks/running/run-slice.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { finished } from './context.ts';

/**
 * Does a task that is launched as a worker would, without waiting for its turn; one slice must be
 * enough.
 */
export async function runAtOnce(
  context: TaskContext,
  launching: Promise<Launched>,
): Promise<TaskRow> {
  const { task } = await launching;
  const worker = {
    id: randomUUID(),
    pool: context.db.background,
    tokens: new Set<string>(),
    unknown: new Set<string>(),
    backends: ['queue'],
  };
  await runSlice(context, worker, task.id, new AbortController().signal);
  return finished(context.db, task.id, 0);
}
