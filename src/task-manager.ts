import { setTimeout as wait } from 'node:timers/promises';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AdminDefinition } from './admin-definition.ts';
import type { Principal } from './auth/principal.ts';
import { systemPrincipal } from './auth/system-principal.ts';
import { buildContext } from './build-context.ts';
import { parseConfig } from './config.ts';
import { AppError } from './errors.ts';
import type { GivenParams, TaskDefinition } from './task-definitions/define-task.ts';
import type { TaskContext } from './tasks/context.ts';
import { cancel } from './tasks/control/cancel.ts';
import { type CodeLaunch, launchFromCode } from './tasks/launching/launch-from-code.ts';
import { getTask } from './tasks/looking/queries.ts';
import { launchOwn } from './tasks/own/launch-own.ts';
import { isFinished, type TaskState } from './tasks/states.ts';
import type { TaskRow } from './tasks/task-row.ts';

/** A task as code reads it. `R` is what its run returns. */
export interface TaskInfo<R = unknown> {
  readonly id: number;
  readonly state: TaskState;
  readonly title: string;
  /** Name of the operation, or of the task's definition. */
  readonly name: string;
  /** Slug of the resource whose records it changes; null: a task of the project's own. */
  readonly resource: string | null;
  /** Records, or what `progress` was told. */
  readonly done: number;
  /** Null: not known. */
  readonly total: number | null;
  /** What the run says it is at. */
  readonly progressMessage: string | null;
  /** Why it is in its state: `cancelled`, `error`, `records-refused`; null: it needs no reason. */
  readonly reason: string | null;
  readonly message: string | null;
  /** What the run returned; null until it has. */
  readonly result: R | null;
  readonly isFinished: boolean;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** How a task of your own is launched. */
export interface LaunchOptions {
  /** On whose behalf. Default: the system, as `code`. */
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
}

/** Which admin, over which database. */
export interface TaskManagerOptions {
  /** The definition that the pages and workers serve. */
  admin: AdminDefinition;
  /** Of the database that they share. */
  databaseUrl: string;
  /** Called with what is worth knowing. Default: nothing is logged. */
  log?: TaskContext['log'];
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

/** Launches and follows tasks from code. */
export interface TaskManager {
  /**
   * Launches a task of your own: one row, taken by the next free place of a worker.
   *
   * @throws AppError 422 'unknown-task', 'invalid-params' (details.fieldErrors), 403 'forbidden',
   *   409 'duplicate' (details.taskId)
   */
  launch<S extends StandardSchemaV1, R>(
    definition: TaskDefinition<S, R>,
    params: GivenParams<S>,
    options?: LaunchOptions,
  ): Promise<TaskInfo<R>>;
  /** Launches an operation on records that code chooses; throws as `CodeLaunch` says. */
  launchOn(
    launch: Omit<CodeLaunch, 'principal'> & Partial<Pick<CodeLaunch, 'principal'>>,
  ): Promise<TaskInfo>;
  /** @throws AppError 404 'not-found' */
  get(id: number): Promise<TaskInfo>;
  /**
   * Waits for the end of a task and gives what its run returned.
   *
   * @throws TaskNotSucceeded where it failed, was cancelled or was done in part; AppError 409
   *   'not-finished' after `timeoutMs` (30,000 unless given), whereupon the task goes on
   */
  wait<R>(task: TaskInfo<R>, options?: { timeoutMs?: number }): Promise<R>;
  /** Asks a task to stop. @throws AppError 404 'not-found', 409 'task-finished' */
  cancel(id: number): Promise<TaskInfo>;
  /** Closes its connections; tasks go on. */
  close(): Promise<void>;
}

const lookEveryMs = 100;

/**
 * Launches and follows tasks from scripts and servers of your own, over the database that pages and
 * workers share. Workers run them: `npm run work`.
 *
 * @throws what is wrong with the definitions, all of it at once
 *
 * @example
 * const recount = defineTask({
 *   name: 'places.recount',
 *   params: z.object({ country: z.string() }),
 *   run: () => ({ places: 42 }),
 * });
 * const tasks = await createTaskManager({ admin, databaseUrl });
 * const task = await tasks.launch(recount, { country: 'ESP' });
 * const { places } = await tasks.wait(task, { timeoutMs: 60_000 });
 * await tasks.close();
 */
export async function createTaskManager({
  admin,
  databaseUrl,
  log = () => undefined,
}: TaskManagerOptions): Promise<TaskManager> {
  const config = parseConfig({ ...process.env, DATABASE_URL: databaseUrl });
  const { db, context } = await buildContext(databaseUrl, config, admin, log);
  return { ...taskManagerOver(context), close: () => db.close() };
}

/** The same over what is open already; closing it closes nothing. */
function taskManagerOver(context: TaskContext): TaskManager {
  const system = systemPrincipal('code');
  const get = async (id: number) => infoOf(await getTask(context, system, id));
  return {
    async launch(definition, params, options = {}) {
      const { principal = system, startAt, delayMs, ...rest } = options;
      const waitMs = startAt ? Math.max(0, startAt.getTime() - Date.now()) : (delayMs ?? 0);
      if (!Number.isFinite(waitMs) || waitMs < 0)
        throw new TypeError('launch: delayMs is a number from 0, startAt is a Date.');
      const launch = { ...rest, principal, delayMs: waitMs };
      return infoOf(await launchOwn(context, definition, params, launch));
    },
    async launchOn(launch) {
      return infoOf((await launchFromCode(context, { principal: system, ...launch })).task);
    },
    get,
    async wait({ id }, { timeoutMs = 30_000 } = {}) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const task = await get(id);
        if (task.state === 'succeeded') return task.result as never;
        if (task.isFinished) throw new TaskNotSucceeded(task);
        if (Date.now() >= deadline)
          throw new AppError('not-finished', 409, 'This task has not finished yet.', {
            state: task.state,
          });
        await wait(Math.min(lookEveryMs, Math.max(1, deadline - Date.now())));
      }
    },
    async cancel(id) {
      await cancel(context, system, id);
      return get(id);
    },
    close: async () => undefined,
  };
}

function infoOf<R>(task: TaskRow): TaskInfo<R> {
  const { id, state, title, operation, resource, done, progressMessage, reason, message } = task;
  return {
    id,
    state,
    title,
    name: operation,
    resource,
    done,
    total: task.total ?? task.expected,
    progressMessage,
    reason,
    message,
    result: task.result as R | null,
    isFinished: isFinished(state),
    createdAt: task.createdAt,
    startedAt: task.startedAt,
    finishedAt: task.finishedAt,
  };
}
