import type { Principal } from '../auth/principal.ts';

/** Why a run is asked to stop. */
export type StopReason = 'cancelled' | 'shutdown' | 'lost';

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
