import type { Pool } from 'pg';
import { withOrigin } from '../../audit/origin.ts';
import type { Principal } from '../../auth/principal.ts';
import { blame, sqlstateOf } from '../../db/sqlstate.ts';
import { AppError } from '../../errors.ts';
import { errorText } from '../../log/error-text.ts';
import { withIds } from '../../log/ids.ts';
import { parseKey } from '../../metadata/keys.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import {
  type StopReason,
  type TaskAround,
  TaskGiveUp,
  TaskRetryLater,
  type TaskRun,
} from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import type { Lease } from '../running/lease.ts';
import { lockRecords, releaseRecords } from '../running/lock-records.ts';
import { inactive, personNow, whyNot } from '../running/may-run.ts';
import { spanned } from '../spanned.ts';
import type { OwnTask } from '../task-row.ts';
import { keepAbout } from './about-own.ts';
import { holdAffected } from './affects.ts';
import { endEmptied, unfinishedChildren } from './children.ts';
import {
  defaultAttempts,
  endAttempt,
  endRefused,
  succeed,
  succeedAtOnce,
  suspend,
} from './end-own.ts';
import { keepLog } from './log-own.ts';
import { type Hide, hideIn, hider } from './mask.ts';
import { type NamedCalls, namedCalls } from './named-calls.ts';
import { keepProgress } from './progress-own.ts';
import { readParams } from './read-params.ts';
import { givenParams } from './secret-params.ts';
import type { Taken } from './take-own.ts';

/** How long a task waits that cannot be begun for a reason that passes. */
const passingMs = 2_000;

/** A run that a place is at. */
export interface OwnRun {
  readonly task: OwnTask;
  readonly lease: Lease;
  /** Asks it to stop; the first reason stays. */
  stop(reason: StopReason): void;
  /** Settles, and never rejects, when the task has been handed on or has ended. */
  readonly ended: Promise<void>;
}

interface Ready {
  principal: Principal;
  params: unknown;
  /** Masks what is secret in them. */
  hide: Hide;
}

/** Calls a task's `run` and sees to what comes of it. */
export function startRun(context: TaskContext, pool: Pool, taken: Taken): OwnRun {
  const { task, token } = taken;
  const lease: Lease = { taskId: task.id, slot: 0, token };
  const stopping = new AbortController();
  const definition = context.definitions.get(task.operation) as TaskDefinition;
  const { id: taskId, failedAttempts, requestId } = task;
  const ids = { requestId: requestId ?? undefined, taskId, attempt: failedAttempts + 1 };
  return {
    task,
    lease,
    stop: (reason) => stopping.abort(reason),
    ended: withIds(ids, () =>
      withOrigin({ kind: 'task', name: String(task.id) }, () =>
        spanned(context, { kind: 'task', name: task.operation }, run),
      ),
    )
      // Only the end of a part leaves a task with none that goes on.
      .then(() => (task.parentId === null ? undefined : endEmptied(context, pool)))
      .catch((error) =>
        context.log('error', 'the end of a task could not be written', {
          taskId: task.id,
          error,
        }),
      ),
  };

  async function run(): Promise<void> {
    const ready = await getReady();
    if (!ready || !(await holdsAffected(ready))) return;
    const { hide } = ready;
    const progress = keepProgress(context, pool, lease);
    const log = keepLog(context, pool, lease);
    const calls = namedCalls(context, pool, task, lease, {
      signal: stopping.signal,
      principal: ready.principal,
    });
    const { softLimitMs } = definition.options;
    const softly =
      softLimitMs && setTimeout(() => stopping.abort('soft-limit' as StopReason), softLimitMs);
    let result: unknown;
    try {
      const given = {
        ...handle(
          (done, total, message) => progress.tell(done, total, message && hide(message)),
          calls,
        ),
        log: (line: string) => log.say(hide(String(line))),
        principal: ready.principal,
      };
      result = await inside({ ...given, name: task.operation, params: ready.params }, async () =>
        task.isUndo
          ? definition.options.undo?.(ready.params, await undoneResult(pool, context, task), given)
          : definition.options.run(ready.params, given),
      );
      calls.assertNotSuspended();
      if (definition.options.keepResult === false) result = undefined;
      if (definition.options.secret) result = hideIn(result, hide);
      assertKept(result);
      await progress.end();
      await log.end();
    } catch (error) {
      await progress.end().catch(() => undefined);
      await log.end().catch(() => undefined);
      const awaited = calls.awaited();
      if (awaited) return suspend(context, pool, task, lease, { awaited, definition });
      const stop = stopping.signal.aborted ? (stopping.signal.reason as StopReason) : null;
      const isFailure = !stop && !(error instanceof TaskGiveUp || error instanceof TaskRetryLater);
      context.log(stop ? 'info' : 'warning', stop ? 'a run stopped' : 'an attempt failed', {
        taskId: task.id,
        name: task.operation,
        error: hide(errorText(error)),
        ...(isFailure && { where: 'task', thrown: error }),
      });
      return endAttempt(context, pool, task, lease, { error, stop, definition, hide });
    } finally {
      if (softly) clearTimeout(softly);
    }
    try {
      if (await succeedAtOnce(context, pool, lease, result)) return;
      const children = await unfinishedChildren(pool, context.db.t, task.id);
      if (children.length > 0) {
        const awaited = { children, failsFast: false };
        return suspend(context, pool, task, lease, { awaited, definition });
      }
      await succeed(context, pool, task, lease, { result, definition });
    } catch (error) {
      // Text that no column holds: another attempt would return it again.
      if (!sqlstateOf(error)?.startsWith('22')) throw error;
      const gaveUp = new TaskGiveUp(`What the run returned cannot be kept: ${String(error)}`);
      await endAttempt(context, pool, task, lease, { error: gaveUp, stop: null, definition });
    }
  }

  /** False: it does not hold what it affects, and waits or has ended. */
  async function holdsAffected(ready: Ready): Promise<boolean> {
    const held = { ...ready, definition };
    const barred = await holdAffected(context, pool, task, lease, held).catch(async (error) => {
      if (error instanceof AppError) return { reason: error.code, message: error.message };
      const stop = stopping.signal.aborted ? (stopping.signal.reason as StopReason) : null;
      await endAttempt(context, pool, task, lease, { error, stop, definition, hide: ready.hide });
      return 'ended' as const;
    });
    if (barred === null || barred === 'ended') return barred === null;
    if ('reason' in barred) await refuse(barred.reason, barred.message);
    else await suspend(context, pool, task, lease, { awaited: barred, definition });
    return false;
  }

  /** Calls it within what the project puts around every run. */
  async function inside(around: TaskAround, call: () => unknown): Promise<unknown> {
    if (!context.aroundTask) return call();
    let returned: { result: unknown } | null = null;
    const { id, name, attempt, principal, params, signal } = around;
    await context.aroundTask({ id, name, attempt, principal, params, signal }, async () => {
      if (returned) throw new Error('aroundTask: next is called once.');
      returned = { result: await call() };
    });
    if (!returned) throw new Error('aroundTask has not called next, or not waited for it.');
    return (returned as { result: unknown }).result;
  }

  /** Null: it may not run, or can no more, which no further attempt would change. */
  async function getReady(): Promise<Ready | null> {
    try {
      // Whoever saw to an attempt that was lost may not have known how many there are.
      if (task.failedAttempts >= (definition.options.attempts ?? defaultAttempts))
        return await refuse('worker-died', noMoreAttempts);
      const refusal = await whyNot(context, task);
      if (refusal) return await refuse(refusal.code, refusal.message);
      if (task.isUndo && !definition.options.undo)
        return await refuse('unknown', 'This task is not undone by its own code (any more).');
      const principal = await personNow(context, task.principal);
      if (!principal) return await refuse(inactive(task).code, inactive(task).message);
      const given = await givenParams(context, pool, task);
      const params = await readParams(definition, given, task.parametersVersion);
      return { principal, params, hide: hider(definition.options.secret, given, params) };
    } catch (error) {
      if (error instanceof AppError) return refuse(error.code, error.message);
      if (blame(error) === 'passing') {
        const later = new TaskRetryLater({ afterMs: passingMs, reason: (error as Error).message });
        await endAttempt(context, pool, task, lease, { error: later, stop: null, definition });
        return null;
      }
      // Code of the project that was asked before the run; what is secret may be in what it says.
      const failed = definition.options.secret ? new Error(unreadParams) : error;
      await endAttempt(context, pool, task, lease, { error: failed, stop: null, definition });
      return null;
    }
  }

  async function refuse(reason: string, message: string): Promise<null> {
    await endRefused(context, pool, lease, reason, message);
    return null;
  }

  function handle(
    tell: TaskRun['progress'],
    { step, each, sleep, launch, all, tx, change, assertGoesOn }: NamedCalls,
  ): Omit<TaskRun, 'principal' | 'log'> {
    return {
      id: task.id,
      attempt: task.failedAttempts + 1,
      signal: stopping.signal,
      progress: tell,
      step,
      each,
      sleep,
      launch,
      all,
      tx,
      change,
      async about(slug, id) {
        assertGoesOn();
        await keepAbout(context, pool, lease, slug, id);
      },
      async lock(slug, ids) {
        assertGoesOn();
        const { model } = context.registry.get(slug);
        const locking = { pool, t: context.db.t, task, lease };
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

/** What the task returned that an undo, or the first try of it, takes back. */
async function undoneResult(
  pool: Pool,
  { db: { t } }: TaskContext,
  { id, lineId }: OwnTask,
): Promise<unknown> {
  const { rows } = await pool.query<{ result: unknown }>(
    `select undone.result from ${t.task} undo join ${t.task} undone on undone.id = undo.follows_id where undo.id = $1`,
    [lineId ?? id],
  );
  return rows[0]?.result ?? null;
}

const noMoreAttempts = 'Its worker died while it ran, and it is not tried again.';
const unreadParams =
  'What comes before the run has thrown: its parameters are secret, so it is not said what.';
const maxResultBytes = 1_000_000;

function assertKept(result: unknown): void {
  const text = JSON.stringify(result) ?? '';
  if (Buffer.byteLength(text) > maxResultBytes)
    throw new Error('What the run returned is longer than 1,000,000 bytes, so it is not kept.');
}
