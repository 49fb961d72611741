import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from '../auth/principal.ts';
import type { Notify } from '../notify.ts';
import type { BackendChoice } from '../queue/backend.ts';
import type { FormInputs } from '../resources/form-inputs.ts';
import type { TransactionClient } from '../resources/hooks.ts';
import type { Unique } from '../unique.ts';
import type { AffectedRecords, OwnOverlap } from './affected-records.ts';
import type { LaunchButton } from './launch-button.ts';
import type { TaskRun } from './task-run.ts';

/** How long a task waits before it is tried again. */
export interface Backoff {
  /** After the first failed attempt, in milliseconds. */
  readonly firstMs: number;
  /** How many times as long after each further one. */
  readonly factor: number;
  /** At most, in milliseconds. */
  readonly maxMs: number;
}

/** How many tasks of a definition run at a time, in all workers together. */
export interface Concurrency<P> {
  readonly max: number;
  /** Counted apart for each text that it gives: a tenant's id. Default: all together. */
  readonly key?: (params: P) => string;
}

/** How many tasks of a definition are started in a span of time, attempts included. */
export interface Rate<P> extends Concurrency<P> {
  readonly perMs: number;
}

type Schema = StandardSchemaV1;
/** What a launch gives. */
export type GivenParams<S extends Schema> = StandardSchemaV1.InferInput<S>;
/** What `run` gets. */
export type Params<S extends Schema> = StandardSchemaV1.InferOutput<S>;

/** What a task of your own is: its name, its parameters, its code, and how it is tried. */
export interface TaskOptions<
  S extends Schema = Schema,
  R = unknown,
  F extends FormInputs = FormInputs,
> {
  /** Unique among the tasks of an admin: `places.recount`. Letters, digits, `.`, `-` and `_`. */
  readonly name: string;
  /**
   * Any Standard Schema validator (zod, valibot, arktype). What is stored is what was given, as
   * plain JSON; `run` gets what the validator makes of it, in the worker.
   */
  readonly params: S;
  /**
   * Which version of its parameters this is: one more whenever older ones are read no longer.
   * Default: 1.
   */
  readonly version?: number;
  /**
   * Makes parameters of this version from those of the version `from`, with which a task was
   * launched before. Default: they are validated as they are.
   */
  readonly migrate?: (params: unknown, from: number) => unknown;
  /**
   * Places of the parameters that nobody reads but `run`: `token`, `auth.key`. They are kept
   * encrypted, and what people call it is made from a mask. Needs `BULKHEAD_ENCRYPTION_KEYS`.
   */
  readonly secret?: readonly string[];
  /** What people call it: on its page, on the dashboard, to whoever waits for it. */
  readonly title?: string | ((params: Params<S>) => string);
  /** How often it is tried in all; 1: never twice, whatever becomes of its worker. Default: 3. */
  readonly attempts?: number;
  /** Default: a second, twice as long each time, ten minutes at most. */
  readonly backoff?: Partial<Backoff>;
  /** Is it worth another attempt after this error? Default: yes. */
  readonly retryOn?: (error: unknown) => boolean;
  /** Of those that are due the greatest is taken first. Default: 0. */
  readonly priority?: number;
  /**
   * Milliseconds after which a run is asked to stop: its `signal` is aborted, and the attempt has
   * failed if it throws then. Default: none.
   */
  readonly softLimitMs?: number;
  /**
   * Milliseconds after which a run has failed, whether it stops or not: it writes nothing more.
   * Default: half an hour.
   */
  readonly hardLimitMs?: number;
  /**
   * Runs in a process of its own, which is killed at the hard limit, or where it has not stopped in
   * time. It takes a second or so to start. Default: in the worker.
   */
  readonly isolate?: boolean;
  /**
   * Of one that runs in a process of its own: milliseconds that it has to stop, after which its
   * process is killed. Default: 10,000.
   */
  readonly graceMs?: number;
  /**
   * Of one that runs in a process of its own: megabytes of memory that this may take, code and all,
   * which is some 150 before it begins. Above it is killed, which is an attempt that failed,
   * 'process-died'. Default: any.
   */
  readonly maxMemoryMb?: number;
  /** Is what `run` returns kept and shown? Default: yes. Where it is not, nobody is given it. */
  readonly keepResult?: boolean;
  /**
   * For so many milliseconds after it succeeded, a launch of the same (by `unique`, else by its
   * parameters) is answered with this task and its result. Default: every launch runs.
   */
  readonly resultReuseMs?: number;
  /**
   * How many milliseconds after its end it is kept, at least. Default: as
   * `BULKHEAD_HISTORY_RETENTION_DAYS` says.
   */
  readonly keepMs?: number;
  /** Who is told, and how, that it has ended. Default: as the admin says. */
  readonly notify?: Notify;
  /** Which workers take it: those that listen to it, or to all. Default: `default`. */
  readonly queue?: string;
  /**
   * What runs it: `queue`, `in-process`, a name among the `backends` of the admin; `inline`, within
   * the call that launches it, where it is tried once and waits for nothing; or a function that gives
   * one for a launch, at once. Default: as the settings say.
   */
  readonly backend?: BackendChoice;
  /** How many run at a time, in all workers together: a number, or one for each `key(params)`. */
  readonly concurrency?: number | Concurrency<Params<S>>;
  /** At most `max` starts in any `perMs` milliseconds; for each `key(params)` where there is one. */
  readonly rate?: Rate<Params<S>>;
  /** What is not to be under way twice, and what a launch does where it is. */
  readonly unique?: Unique<Params<S>>;
  /** Not begun so many milliseconds after its launch, it is cancelled. Default: it waits. */
  readonly expireAfterMs?: number;
  /**
   * Records that a run is going to write, or reads and wants to stay as they are: asked before `run`
   * is called, which is when the task holds them, all of them, until it ends. It only reads, on `tx`.
   */
  readonly affects?: (
    params: Params<S>,
    tx: TransactionClient,
  ) =>
    | AffectedRecords
    | readonly AffectedRecords[]
    | Promise<AffectedRecords | readonly AffectedRecords[]>;
  /** Where another task holds some of what it affects. Default: `wait`. */
  readonly overlap?: OwnOverlap;
  /** Its tasks hold nothing, and ask nobody, for this reason, which their pages show. */
  readonly locks?: { readonly off: string };
  /** May this person launch it? Default: whoever the code lets call it. */
  readonly allowed?: (principal: Principal) => boolean;
  /** A button with which people launch it. Default: it is launched by code alone. */
  readonly launchable?: LaunchButton<GivenParams<S>, F>;
  /**
   * Does the work. What it returns is kept as the task's result, as plain JSON; what it throws ends
   * the attempt. It starts from its top at every attempt.
   */
  readonly run: (params: Params<S>, task: TaskRun) => Promise<R> | R;
  /**
   * Takes back what a task has done, whose result is null where it has not succeeded: a task of its
   * own, as `run` is. Default: what a run has changed by `change` is put back, if it wrote nothing
   * else.
   */
  undo?(params: Params<S>, result: NoInfer<R> | null, task: TaskRun): Promise<unknown> | unknown;
}

/** A task of a project's own, as `defineTask` made it. */
export interface TaskDefinition<S extends Schema = Schema, R = unknown> {
  readonly name: string;
  readonly options: TaskOptions<S, R>;
}

export const defaultHardLimitMs = 1_800_000;

const defined = new WeakSet<object>();

/**
 * Declares a task of your own: anything that is to run in the background, be followed, cancelled
 * and tried again. List it among the `tasks` of `defineAdmin`.
 *
 * @param options see `TaskOptions`
 * @returns a frozen definition, which a launch is given
 *
 * @example
 * export const recount = defineTask({
 *   name: 'places.recount',
 *   params: z.object({ country: z.string() }),
 *   title: ({ country }) => `Recount ${country}`,
 *   async run({ country }, task) {
 *     await task.lock('countries', [country]);
 *     await task.progress(1, 2, 'Counting');
 *     return { places: 42 };
 *   },
 * });
 */
export function defineTask<
  const S extends Schema,
  R,
  const F extends FormInputs = Record<never, never>,
>(options: TaskOptions<S, R, F>): TaskDefinition<S, R> {
  const definition = Object.freeze({
    name: options?.name,
    options: Object.freeze({ ...options }) as unknown as TaskOptions<S, R>,
  });
  defined.add(definition);
  return definition;
}

export function isTaskDefinition(value: unknown): value is TaskDefinition {
  return typeof value === 'object' && value !== null && defined.has(value);
}
