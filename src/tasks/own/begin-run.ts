import type { Pool } from 'pg';
import type { TaskContext } from '../context.ts';
import { startIsolatedRun } from './isolated.ts';
import { type OwnRun, startRun } from './run-own.ts';
import type { Taken } from './take-own.ts';

/** Runs what was taken: in this process, or in one of its own where the task says so. */
export function beginRun(context: TaskContext, pool: Pool, taken: Taken, workerId: string): OwnRun {
  const isIsolated = context.definitions.get(taken.task.operation)?.options.isolate;
  return isIsolated
    ? startIsolatedRun(context, pool, taken, workerId)
    : startRun(context, pool, taken);
}
