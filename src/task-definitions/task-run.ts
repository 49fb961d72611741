import type { Principal } from '../auth/principal.ts';
import type { Client } from '../resources/client.ts';

/** Why a run is asked to stop. */
export type StopReason = 'cancelled' | 'shutdown' | 'lost';

/** An item, and where it stands among all of them: plain JSON, from which the next are asked for. */
export interface Positioned<T> {
  readonly item: T;
  readonly position: unknown;
}

/** How `each` goes through its items. */
export interface EachOptions {
  /** Items of one transaction. Default: 500. */
  readonly size?: number;
  /** Longest such a transaction may take, in milliseconds. Default: `BULKHEAD_STATEMENT_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
}

/** What a task's own `run` has at hand. */
export interface TaskRun {
  readonly id: number;
  /** The first is 1. */
  readonly attempt: number;
  /** On whose behalf it runs, with their roles as they are now. */
  readonly principal: Principal;
  /**
   * Aborted when the run is to stop; its reason is a `StopReason`. What is thrown afterwards is that
   * stop and no failure; what is returned is success.
   */
  readonly signal: AbortSignal;
  /**
   * Tells how far it is: `done` of `total`, with a word on what it is at. Call it as often as you
   * like: it is written a few times a second, and the last of all always is.
   */
  progress(done: number, total?: number | null, message?: string | null): void;
  /**
   * Holds records of a resource (its slug) until the task ends, or until `release`: nobody else
   * changes them, by a form or a task. Throws AppError 'locked' (423) with the holder where another
   * task holds one of them, 'busy' (503) where somebody was writing to one for too long.
   */
  lock(resource: string, keys: readonly (string | number)[]): Promise<{ release(): Promise<void> }>;
  /**
   * Does something once, whatever becomes of the run: what it gave is kept under its name, and given
   * again when the run begins anew. One that was under way when its worker died is done again, with
   * the same `key`, by which an outer service tells that it knows it already.
   */
  step<T>(name: string, fn: (call: { key: string }) => Promise<T> | T): Promise<T>;
  /**
   * Goes through items, so many in a transaction with how far it came: each is dealt with once,
   * whatever dies. `source` gives those after a position (null: the first), in their order; `fn` does
   * them, on `tx`, a transaction of your Prisma client. Gives how many there were.
   */
  each<T>(
    name: string,
    source: (after: unknown, limit: number) => Promise<readonly Positioned<T>[]>,
    fn: (items: readonly T[], tx: Client) => Promise<void>,
    options?: EachOptions,
  ): Promise<number>;
  /**
   * Goes on at a time, or after milliseconds, and holds no place until then: the run ends here, by
   * an error that you let through, and begins anew at its time. The first moment stays.
   */
  sleep(name: string, until: Date | number): Promise<void>;
}

/** Thrown by a run: it is in vain, and is not tried again. */
export class TaskGiveUp extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'TaskGiveUp';
  }
}

/** Thrown by a run: not now. It is tried again later, and no attempt is counted. */
export class TaskRetryLater extends Error {
  readonly afterMs: number;

  constructor({
    afterMs,
    reason = 'It is tried again later.',
  }: { afterMs: number; reason?: string }) {
    super(reason);
    this.name = 'TaskRetryLater';
    this.afterMs = afterMs;
  }
}
