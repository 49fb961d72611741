import type { Pool } from 'pg';
import { AppError } from '../../errors.ts';
import { parseKey } from '../../metadata/keys.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { StopReason, TaskRun } from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import type { Lease } from '../running/lease.ts';
import { lockRecords, releaseRecords } from '../running/lock-records.ts';
import { withRolesNow, whyNot } from '../running/may-run.ts';
import { endAttempt, succeed } from './end-own.ts';
import { readParams } from './launch-own.ts';
import { keepProgress } from './progress-own.ts';
import type { Taken } from './take-own.ts';

/** A run that a place is at. */
export interface OwnRun {
  readonly lease: Lease;
  /** Asks it to stop; the first reason stays. */
  stop(reason: StopReason): void;
  /** Settles, and never rejects, when the task has been handed on or has ended. */
  readonly ended: Promise<void>;
}

/** Calls a task's `run` and sees to what comes of it. */
export function startRun(context: TaskContext, pool: Pool, taken: Taken): OwnRun {
  const { task, token } = taken;
  const lease: Lease = { taskId: task.id, slot: 0, token };
  const stopping = new AbortController();
  const definition = context.definitions.get(task.operation) as TaskDefinition;
  return {
    lease,
    stop: (reason) => stopping.abort(reason),
    ended: run().catch((error) =>
      context.log('error', 'the end of a task could not be written', {
        taskId: task.id,
        error: String(error),
      }),
    ),
  };

  async function run(): Promise<void> {
    const progress = keepProgress(context, pool, lease);
    let result: unknown;
    try {
      const { principal } = await withRolesNow(context, task);
      const refusal = await whyNot(context, task);
      if (refusal) throw new AppError('forbidden', 403, refusal.message);
      const params = await readParams(definition, task.parameters);
      result = await definition.options.run(params, {
        ...handle(progress.tell),
        principal,
      });
      assertKept(result);
      await progress.end();
    } catch (error) {
      await progress.end().catch(() => undefined);
      const stop = stopping.signal.aborted ? (stopping.signal.reason as StopReason) : null;
      context.log(stop ? 'info' : 'warning', stop ? 'a run stopped' : 'an attempt failed', {
        taskId: task.id,
        name: task.operation,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      return endAttempt(context, pool, task, lease, { error, stop, definition });
    }
    await succeed(context, pool, lease, result);
  }

  function handle(tell: TaskRun['progress']): Omit<TaskRun, 'principal'> {
    return {
      id: task.id,
      attempt: task.failedAttempts + 1,
      signal: stopping.signal,
      progress: tell,
      async lock(slug, ids) {
        const { model } = context.registry.get(slug);
        const locking = { pool, t: context.db.t, task };
        const locked = await lockRecords(
          locking,
          model,
          ids.map((id) => parseKey(model, String(id))),
        );
        return { release: () => releaseRecords(locking, locked) };
      },
    };
  }
}

const maxResultBytes = 1_000_000;

function assertKept(result: unknown): void {
  const text = JSON.stringify(result) ?? '';
  if (Buffer.byteLength(text) > maxResultBytes)
    throw new Error('What the run returned is longer than 1,000,000 bytes, so it is not kept.');
}
