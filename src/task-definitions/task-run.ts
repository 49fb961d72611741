import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from '../auth/principal.ts';
import type { TransactionClient } from '../resources/hooks.ts';

/** Why a run is asked to stop. */
export type StopReason = 'cancelled' | 'paused' | 'shutdown' | 'lost' | 'soft-limit' | 'hard-limit';

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

/** What a project's `aroundTask` is told of a run. */
export interface TaskAround {
  readonly id: number;
  /** Of its definition. */
  readonly name: string;
  readonly attempt: number;
  readonly principal: Principal;
  /** As `run` is given them. */
  readonly params: unknown;
  readonly signal: AbortSignal;
}

/** What a project puts around every run: it calls `next` once, and waits for it. */
export type AroundTask = (task: TaskAround, next: () => Promise<void>) => Promise<void>;

/** A task that a run has launched as a part of itself. `R` is what its run returns. */
export interface ChildTask<R = unknown> {
  readonly id: number;
  /** What the run calls it. */
  readonly name: string;
  /** For the compiler alone; `all` gives it. */
  readonly result?: R;
}

/** How a child ended. */
export interface ChildOutcome<R = unknown> {
  readonly id: number;
  readonly name: string;
  readonly title: string;
  /** `succeeded`, `failed` or `cancelled`. */
  readonly state: string;
  /** What its run returned; null: it has not succeeded. */
  readonly result: R | null;
  readonly reason: string | null;
  readonly message: string | null;
}

/** How a child is launched. */
export interface ChildOptions {
  /** Default: its definition's. */
  readonly priority?: number;
  /** Milliseconds before which it does not begin. Default: 0. */
  readonly delayMs?: number;
}

/** What of a definition says what it is launched with, and what it gives. */
export interface Launchable<S extends StandardSchemaV1, R> {
  readonly name: string;
  readonly options: { readonly params: S; readonly run: (...given: never[]) => Promise<R> | R };
}

type Results<C extends readonly ChildTask[]> = {
  -readonly [I in keyof C]: C[I] extends ChildTask<infer R> ? R : never;
};

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
   * Writes a line: into the process's log, and onto the task's page, where it is seen at once. Lines
   * are cut at 2,000 characters, and the first 1,000 of a task are kept.
   */
  log(line: string): void;
  /**
   * Says that the task is about a record of a resource (its slug): the record's page names it. It
   * stays said whatever becomes of the run.
   */
  about(resource: string, key: string | number): Promise<void>;
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
    fn: (items: readonly T[], tx: TransactionClient) => Promise<void>,
    options?: EachOptions,
  ): Promise<number>;
  /**
   * Calls `fn` in a transaction of your Prisma client, with nothing of Bulkhead's: no scope, locks
   * or history. It commits only while the run has its task. Within one, `tx` and `change` join it.
   */
  tx<T>(fn: (tx: TransactionClient) => Promise<T>, options?: { timeoutMs?: number }): Promise<T>;
  /**
   * Changes records of a resource (its slug) as its form does, on behalf of the task's person: in
   * their scope, by its rules and hooks, where no other task holds them, kept in the history. All
   * of them or none; joins the transaction of `tx` or `each` that it is called in. Gives how many
   * there were.
   *
   * @throws AppError 403 'forbidden', 404 'not-found', 422 'invalid-record', 423 'locked'
   */
  change(
    resource: string,
    keys: readonly (string | number)[],
    data: Readonly<Record<string, unknown>>,
  ): Promise<number>;
  /**
   * Goes on at a time, or after milliseconds, and holds no place until then: the run ends here, by
   * an error that you let through, and begins anew at its time. The first moment stays.
   */
  sleep(name: string, until: Date | number): Promise<void>;
  /**
   * Launches a task as a part of this one: the same one whenever the run begins anew. It runs in a
   * place of its own, on the same person's behalf; what this one holds is not in its way. It is
   * cancelled where this one is or fails, and this one ends after it.
   */
  launch<S extends StandardSchemaV1, R>(
    name: string,
    definition: Launchable<S, R>,
    params: StandardSchemaV1.InferInput<S>,
    options?: ChildOptions,
  ): Promise<ChildTask<R>>;
  /**
   * What children gave, when each has ended: until then the run holds no place, as in `sleep`. The
   * first that does not succeed ends the wait by a `TaskChildFailed`, which ends the task and
   * cancels the others; `onFailure: 'collect'` waits for every one and says how each ended.
   */
  all<const C extends readonly ChildTask[]>(
    children: C,
    options?: { onFailure?: 'fail' },
  ): Promise<Results<C>>;
  all<R>(
    children: readonly ChildTask<R>[],
    options: { onFailure: 'collect' },
  ): Promise<ChildOutcome<R>[]>;
}

/** Thrown by a run: it is in vain, and is not tried again. */
export class TaskGiveUp extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'TaskGiveUp';
  }
}

/** Thrown by `all`: a child has not succeeded. Let through, it ends the task. */
export class TaskChildFailed extends TaskGiveUp {
  readonly child: ChildOutcome;

  constructor(child: ChildOutcome) {
    super(
      `“${child.title}” (task ${child.id}) has ${child.state === 'cancelled' ? 'been cancelled' : `failed: ${child.message ?? child.reason}`}`,
    );
    this.name = 'TaskChildFailed';
    this.child = child;
  }
}

export const defaultRetryReason = 'It is tried again later.';

/** Thrown by a run: not now. It is tried again later, and no attempt is counted. */
export class TaskRetryLater extends Error {
  readonly afterMs: number;

  constructor({ afterMs, reason = defaultRetryReason }: { afterMs: number; reason?: string }) {
    super(reason);
    this.name = 'TaskRetryLater';
    this.afterMs = afterMs;
  }
}
