import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from './auth/principal.ts';
import { databaseNow } from './db/database-now.ts';
import { type OwnTransaction, queryableOf } from './db/own-transaction.ts';
import { AppError } from './errors.ts';
import { type HealthReport, readHealthReport } from './health/health-report.ts';
import type { GivenParams, TaskDefinition } from './task-definitions/define-task.ts';
import { infoOf, type TaskInfo } from './task-info.ts';
import type { AskedLaunch, LaunchAnswer } from './tasks/asked-launch.ts';
import type { TaskContext, TaskSettings } from './tasks/context.ts';
import { cancel } from './tasks/control/cancel.ts';
import { pause, resume } from './tasks/control/pause.ts';
import { reschedule } from './tasks/control/reschedule.ts';
import { retry } from './tasks/follow-ups/retry.ts';
import { undo } from './tasks/follow-ups/undo.ts';
import { type CodeLaunch, launchFromCode } from './tasks/launching/launch-from-code.ts';
import {
  assertAllFree,
  type Conflict,
  listConflicts,
  type RecordsOf,
} from './tasks/looking/conflicts.ts';
import { type Health, readHealth } from './tasks/looking/health.ts';
import { type BackendInfo, listBackends } from './tasks/looking/list-backends.ts';
import { getTask, listTasksWhere, type TaskQuery } from './tasks/looking/queries.ts';
import { launchInParent } from './tasks/own/join-parent.ts';
import { launchManyOwn, launchOwn } from './tasks/own/launch-own.ts';
import type { OnFinished, OwnLaunch } from './tasks/own/own-launch.ts';
import { pauseSchedule, resumeSchedule, runSchedule } from './tasks/schedules/control-schedules.ts';
import { listSchedules, type ScheduleInfo } from './tasks/schedules/list-schedules.ts';
import type { Purged } from './tasks/worker/purgeable.ts';
import { purge } from './tasks/worker/retention.ts';

/** How a task of your own is launched. */
export interface LaunchOptions {
  /** On whose behalf. Default: that of the manager; of `createTaskManager` the system, as `code`. */
  principal?: Principal;
  /** Of those that are due the greatest is taken first. Default: the definition's. */
  priority?: number;
  /** Not before so many milliseconds have passed, or this time has come. Default: at once. */
  delayMs?: number;
  startAt?: Date;
  /** Not begun by then, it is cancelled. Default: as the definition says. */
  expiresAt?: Date | null;
  /** A UUID: launched twice with the same one, it is one task. */
  operationId?: string;
  /** Plain JSON that is kept with it, and given back in `TaskInfo`. */
  meta?: unknown;
  /**
   * The id of a task of your own that it becomes a part of: that one ends after it, and it is cancelled
   * with it. It must not have ended.
   */
  parent?: number;
  /**
   * Launched by the end of the task, whatever that is, once, on behalf of the same: a task of your own
   * with its parameters.
   */
  onFinished?: OnFinished;
  /** `false`: it runs, although a success of the same is good still (`resultReuseMs`). */
  reuse?: boolean;
  /** `ignore`: it holds nothing, and asks nobody. Default: `check`. */
  locks?: 'check' | 'ignore';
  /**
   * A transaction of yours, of Prisma or of `pg`: the task is there when it commits, and not
   * otherwise. Read committed where the definition has `unique`.
   */
  tx?: OwnTransaction;
}

/** A task did not succeed: `task` says how it ended. */
export class TaskNotSucceeded extends Error {
  readonly task: TaskInfo;

  constructor(task: TaskInfo) {
    super(`Task ${task.id} (${task.title}) is ${task.state}: ${task.message ?? task.reason ?? ''}`);
    this.name = 'TaskNotSucceeded';
    this.task = task;
  }
}

/** What a manager works with; handed to it, and on to `super` by one of your own. */
export interface TaskManagerAccess {
  readonly context: TaskContext;
  readonly principal: Principal;
  /** Slug of the resource that it is for; null: for all. */
  readonly resource: string | null;
  /** Makes the managers of the admin. */
  readonly managerOf: ManagerOf;
  /** Closes what was opened for it. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** Makes the manager of a resource, by its slug, for somebody; of none, the admin's. */
export type ManagerOf = (
  resource: string | null,
  principal: Principal,
  close?: () => Promise<void>,
) => TaskManager;

/** `TaskManager`, or a class of your own that extends it. */
// biome-ignore lint/suspicious/noExplicitAny: what it takes beside is its own
export type TaskManagerClass = new (access: TaskManagerAccess, ...own: any[]) => TaskManager;

const lookEveryMs = 100;

/**
 * Launches and follows tasks from code. In the web application it is `app.bulkhead.tasks`; in
 * scripts and servers of your own `createTaskManager` makes one. All calls act for one principal:
 * see `as`.
 */
export class TaskManager {
  readonly #access: TaskManagerAccess;

  readonly #own: readonly unknown[];

  /** `own`: arguments that a class of your own takes beside; `as` hands them on. */
  constructor(access: TaskManagerAccess, ...own: readonly unknown[]) {
    this.#access = access;
    this.#own = own;
  }

  /** The same on behalf of somebody: their permissions and row scope hold, and they see their tasks. */
  as(principal: Principal): TaskManager {
    const { close: _, ...access } = this.#access;
    return new (this.constructor as TaskManagerClass)({ ...access, principal }, ...this.#own);
  }

  /**
   * The manager of a resource, by its slug, on behalf of the same: the one that the resource names as
   * its own, or that of the admin. What it launches is launched from that resource.
   *
   * @throws AppError 404 'not-found'
   */
  for(resource: string): TaskManager {
    const { context, principal, managerOf } = this.#access;
    return managerOf(context.registry.for(principal, resource).slug, principal);
  }

  /**
   * Asked before anything is launched that this manager is for, by pages, hooks, runs and code alike;
   * of many, for each. One of your own refuses it by throwing an AppError, or says what is kept with
   * it. This one leaves it as it is.
   */
  onLaunch(_launch: AskedLaunch): LaunchAnswer | Promise<LaunchAnswer> {
    return undefined;
  }

  /**
   * Launches a task of your own: one row, taken by the next free place of a worker.
   *
   * @throws AppError 422 'unknown-task', 'invalid-params' (details.fieldErrors), 'wrong-isolation',
   *   403 'forbidden', 409 'duplicate' (details.taskId), 'task-finished' (of `parent`), 404 'not-found'
   */
  async launch<S extends StandardSchemaV1, R>(
    definition: TaskDefinition<S, R>,
    params: GivenParams<S>,
    options: LaunchOptions = {},
  ): Promise<TaskInfo<R>> {
    const { launch, client, parentId } = await this.#launch(options);
    const { context, principal } = this.#access;
    const launched = await launchInParent(context, principal, parentId, client, (within) =>
      launchOwn(context, definition, params, launch, within),
    );
    return infoOf(launched);
  }

  /**
   * Launches one task for each of `params`, in one statement; all of them or none.
   *
   * @throws as `launch`; details.fieldErrors begin with the number of the parameters: `3.country`
   */
  async launchMany<S extends StandardSchemaV1, R>(
    definition: TaskDefinition<S, R>,
    params: readonly GivenParams<S>[],
    options: Omit<LaunchOptions, 'operationId'> = {},
  ): Promise<TaskInfo<R>[]> {
    const { launch, client, parentId } = await this.#launch(options);
    const { context, principal } = this.#access;
    const launched = await launchInParent(context, principal, parentId, client, (within) =>
      launchManyOwn(context, definition, params, launch, within),
    );
    return launched.map(infoOf<R>);
  }

  async #launch({ startAt, delayMs: givenMs = 0, tx, parent, ...rest }: LaunchOptions): Promise<{
    launch: OwnLaunch;
    parentId: number | null;
    client: ReturnType<typeof queryableOf> | undefined;
  }> {
    const parentId = parent ?? null;
    const client = tx && queryableOf(tx);
    const { context } = this.#access;
    const atMs = startAt?.getTime();
    if (!Number.isFinite(atMs ?? givenMs) || (atMs ?? givenMs) < 0)
      throw new TypeError('launch: delayMs is a number from 0, startAt is a Date.');
    const { expiresAt } = rest;
    if (expiresAt && !(expiresAt instanceof Date && Number.isFinite(expiresAt.getTime())))
      throw new TypeError('launch: expiresAt is a Date, or null.');
    if (rest.locks !== undefined && rest.locks !== 'check' && rest.locks !== 'ignore')
      throw new TypeError('launch: locks is check or ignore.');
    const delayMs =
      atMs === undefined
        ? givenMs
        : Math.max(0, atMs - (await databaseNow(client ?? context.db.pages)));
    return {
      launch: {
        principal: this.#access.principal,
        ...rest,
        from: this.#access.resource,
        parentId,
        delayMs,
      },
      parentId,
      client,
    };
  }

  /** Launches an operation on records that code chooses; throws as `CodeLaunch` says. */
  async launchOn(
    launch: Omit<CodeLaunch, 'principal'> & Partial<Pick<CodeLaunch, 'principal'>>,
  ): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    return infoOf((await launchFromCode(context, { principal, ...launch })).task);
  }

  /** @throws AppError 404 'not-found' */
  async get(id: number): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    return infoOf(await getTask(context, principal, id));
  }

  /** The newest first, 100 unless `limit` says otherwise; of the next page `before` the last id. */
  async list(wanted: TaskQuery = {}): Promise<TaskInfo[]> {
    const { context, principal } = this.#access;
    return (await listTasksWhere(context, principal, wanted)).map(infoOf<unknown>);
  }

  /**
   * Waits for the end of a task and gives what its run returned.
   *
   * @throws TaskNotSucceeded where it failed, was cancelled or was done in part; AppError 409
   *   'not-finished' after `timeoutMs` (30,000 unless given), whereupon the task goes on
   */
  async wait<R>(
    { id }: Pick<TaskInfo<R>, 'id'> & Partial<TaskInfo<R>>,
    { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
  ): Promise<R> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const task = await this.get(id);
      if (task.state === 'succeeded') return task.result as R;
      if (task.isFinished) throw new TaskNotSucceeded(task);
      if (Date.now() >= deadline)
        throw new AppError('not-finished', 409, 'This task has not finished yet.', {
          state: task.state,
        });
      await wait(Math.min(lookEveryMs, Math.max(1, deadline - Date.now())));
    }
  }

  /** Asks a task to stop. @throws AppError 404 'not-found', 409 'task-finished' */
  async cancel(id: number): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    await cancel(context, principal, id);
    return this.get(id);
  }

  /** Asks a task to stop and to keep its locks. @throws AppError 409 'not-running', 'not-pausable' */
  async pause(id: number): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    await pause(context, principal, id);
    return this.get(id);
  }

  /** Lets a paused task go on. @throws AppError 403 'forbidden', 409 'task-finished' */
  async resume(id: number): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    await resume(context, principal, id);
    return this.get(id);
  }

  /**
   * Does again what a task did not do: the records it refused (of one reason: `code`), or its run,
   * after the steps that are kept. Gives the task that does it.
   *
   * @throws AppError 409 'not-finished', 'nothing-to-retry'
   */
  async retry(id: number, { code = null }: { code?: string | null } = {}): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    const again = { operationId: randomUUID(), code };
    return infoOf((await retry(context, principal, id, again)).task);
  }

  /**
   * Takes back what a task changed, or some of its records. Gives the task that does it.
   *
   * @throws AppError 409 'not-finished', 'nothing-to-undo', 'images-gone', 'not-undoable'
   */
  async undo(
    id: number,
    { keys = null }: { keys?: readonly string[] | null } = {},
  ): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    const back = { operationId: randomUUID(), chosen: keys };
    return infoOf((await undo(context, principal, id, back)).task);
  }

  /** Gives a task that waits for its time another one. @throws AppError 409 'not-scheduled' */
  async reschedule(id: number, at: Date): Promise<TaskInfo> {
    const { context, principal } = this.#access;
    if (!(at instanceof Date && Number.isFinite(at.getTime())))
      throw new TypeError('reschedule: at is a Date.');
    await reschedule(context, principal, id, at);
    return this.get(id);
  }

  /** Which of these records tasks hold at this moment, and which tasks. */
  conflicts(records: readonly RecordsOf[]): Promise<Conflict[]> {
    return listConflicts(this.#access.context, records);
  }

  /**
   * Before code of yours writes records: waits for whoever writes them now, and sees to it that no
   * task holds them, until `tx`, a transaction of yours, ends.
   *
   * @throws AppError 423 'locked' (details.holder), 422 'wrong-isolation', 'invalid-key'
   */
  assertFree(tx: OwnTransaction, resource: string, keys: RecordsOf['keys']): Promise<void> {
    return assertAllFree(this.#access.context, queryableOf(tx), { resource, keys });
  }

  /** How far a task is: `done` of `total`, and whether it goes on. */
  async progress(
    id: number,
  ): Promise<Pick<TaskInfo, 'done' | 'total' | 'progressMessage' | 'state' | 'isFinished'>> {
    const { done, total, progressMessage, state, isFinished } = await this.get(id);
    return { done, total, progressMessage, state, isFinished };
  }

  /**
   * Address of a piece of a page that says how far a task is, for pages of your own: under the prefix,
   * with the session of who looks. `static/embedded.js` shows it, and asks until the task has ended.
   */
  progressUrl(id: number): string {
    return `${this.#access.context.prefix}/tasks/${id}/embedded`;
  }

  /** What runs at its times, by name: next and latest runs. None for those who do not see all tasks. */
  schedules(): Promise<ScheduleInfo[]> {
    const { context, principal } = this.#access;
    return listSchedules(context, principal);
  }

  /**
   * Has a schedule run now, its own times apart. Gives the time that was added. Bounds on how many
   * records match are not held to: somebody has asked.
   *
   * @throws AppError 404 'not-found', 409 'already-due', 422 'no-background'
   */
  runSchedule(name: string): Promise<Date> {
    const { context, principal } = this.#access;
    return runSchedule(context, principal, name);
  }

  /** Leaves out its times until it is resumed. @throws AppError 404 'not-found' */
  pauseSchedule(name: string): Promise<void> {
    const { context, principal } = this.#access;
    return pauseSchedule(context, principal, name);
  }

  /** Lets it go on with its first time after now. @throws AppError 404 'not-found' */
  resumeSchedule(name: string): Promise<void> {
    const { context, principal } = this.#access;
    return resumeSchedule(context, principal, name);
  }

  /**
   * How Bulkhead is: workers alive, tasks waiting and running, the longest wait in milliseconds; each
   * part that was looked at (`parts`), and what is wrong and what to do (`findings`), as the command
   * `doctor` and the page of health have it. It sends a probe through the queue; whoever asks again
   * within ten seconds is given the same parts.
   *
   * @example
   * const { findings } = await tasks.health();
   * for (const { title, remedy } of findings) console.error(title, remedy);
   */
  async health(): Promise<Health & HealthReport> {
    const { context } = this.#access;
    const [tasks, report] = await Promise.all([readHealth(context), readHealthReport(context)]);
    return { ...report, ...tasks };
  }

  /** Is a worker alive that takes tasks of this queue, or of any? */
  async isWorkerAlive(queue?: string): Promise<boolean> {
    const { workers } = await readHealth(this.#access.context);
    return workers.some(({ queues }) => queue === undefined || !queues || queues.includes(queue));
  }

  /** By what tasks run here: what each can do, whether anybody runs its tasks now, which is chosen. */
  backends(): Promise<BackendInfo[]> {
    return listBackends(this.#access.context);
  }

  /** Forgets what is older than the settings keep it, now and not within the hour. */
  cleanup(): Promise<Purged> {
    return purge(this.#access.context);
  }

  /** The settings that hold here. */
  get settings(): Readonly<TaskSettings> {
    return Object.freeze({ ...this.#access.context.settings });
  }

  /** Closes the connections that `createTaskManager` opened; tasks go on. */
  async close(): Promise<void> {
    await this.#access.close?.();
  }
}

export function isManagerClass(given: unknown): boolean {
  if (given === undefined || given === TaskManager) return true;
  return typeof given === 'function' && given.prototype instanceof TaskManager;
}
