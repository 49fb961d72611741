import type { Pool } from 'pg';
import type { Queryable } from '../db/transaction.ts';

/** What a backend can do beside running a task now. */
export interface BackendAbilities {
  /** Can what is not done yet go on later: at a time, after a failed attempt, after a wait? */
  readonly later: boolean;
  /** Can a task be stopped while it runs? */
  readonly cancel: boolean;
  /** May several processes run its tasks at a time? */
  readonly processes: boolean;
  /** Is a task whose process dies taken up by another? */
  readonly restart: boolean;
}

/** Tasks that are to be looked at, by their ids. */
export interface BackendCall {
  readonly taskIds: readonly number[];
  /** `bulk`: a bulk operation; `own`: a task of the project's own. */
  readonly kind: 'bulk' | 'own';
  /** Milliseconds after which it is due; 0: at once. Called sooner does no harm. */
  readonly delayMs: number;
}

/** What a backend is started with, in a worker. */
export interface BackendStart {
  /** The worker's connections. */
  readonly pool: Pool;
  /** Calls that it may answer at a time. */
  readonly concurrency: number;
  /**
   * What this worker has met and does not know, by name. The queue leaves to others what waits for
   * whoever knows it.
   */
  readonly unknown?: ReadonlySet<string>;
  /**
   * Looks at a task, and works on it for a while where there is something to do. Whoever calls it
   * twice, or for nothing, does no harm. The signal is aborted when the worker stops. It rejects
   * where the database could not be reached: the task is called for again by itself, or by you.
   */
  readonly run: (taskId: number, signal: AbortSignal) => Promise<void>;
  readonly log: (
    level: 'error' | 'warning' | 'info' | 'debug',
    message: string,
    details?: Record<string, unknown>,
  ) => void;
}

/** A backend that a worker has started. */
export interface StartedBackend {
  /** Settles when it has stopped, or died: the worker then starts anew. */
  readonly ended: Promise<unknown>;
  /** Resolves when nothing that it called `run` for goes on. */
  stop(): Promise<void>;
}

/**
 * How workers hear of tasks. Tasks themselves, their states, locks and progress are rows of
 * Bulkhead's: a backend carries their ids, and nothing is lost with one of them. What nobody has
 * looked at for half a minute is called for again.
 */
export interface Backend {
  /** Small letters, digits and hyphens: `fax-machine`. */
  readonly name: string;
  readonly can: BackendAbilities;
  /** Brings what it keeps in the database up to date: called at every start. */
  migrate?(pool: Pool): Promise<void>;
  /**
   * Calls a worker, in the transaction that launches the tasks or wakes them: where that is rolled
   * back there is nothing to run. What is sent outside the database may come too early: it is sent
   * once more, or found within half a minute.
   */
  call(client: Queryable, call: BackendCall): Promise<void>;
  /** Hears calls, and calls `run` for each. */
  start(options: BackendStart): Promise<StartedBackend>;
}

/** What chooses by itself. */
export interface AskedBackend {
  readonly kind: BackendCall['kind'];
  /** `update` and `delete`, or the name of an operation or a task of the project's own. */
  readonly name: string;
  /** Slug of the resource; null: it is about none. */
  readonly resource: string | null;
  /** On whose behalf it runs. */
  readonly principal: { readonly id: string; readonly name: string };
  /** Records, as far as they are known. */
  readonly count: number | null;
}

/** Name of a backend, `auto`, or what gives one of these for a launch. It answers at once. */
export type BackendChoice = string | ((asked: AskedBackend) => string);

/** The names that are always there. */
export const queueName = 'queue';
export const inProcessName = 'in-process';
export const inlineName = 'inline';
/** The choice that is no name. */
export const autoName = 'auto';

/** Of what runs within the call that launches it, and is called for by nobody. */
export const inlineAbilities: BackendAbilities = {
  later: false,
  cancel: true,
  processes: true,
  restart: false,
};
