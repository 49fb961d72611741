import type { Principal } from '../../auth/principal.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';

/** How a task of the project's own is launched. */
export interface OwnLaunch {
  /** On whose behalf it runs. */
  principal: Principal;
  /** Default: the definition's. */
  priority?: number;
  /** Milliseconds before which it does not begin. Default: 0. */
  delayMs?: number;
  /** Not begun by then, it is cancelled. Default: as the definition says. */
  expiresAt?: Date | null;
  /** Launched once for ever: sent again, the first task is answered. A UUID. */
  operationId?: string | null;
  /** The task that it tries again. */
  followsId?: number | null;
  /** It takes back what the task did that it follows, or is another try of that. */
  isUndo?: boolean;
  /** Somebody launches it on a page: it is counted among those that wait. Default: false. */
  isFromPage?: boolean;
  /** `false`: it runs, whatever the same gave lately. */
  reuse?: boolean | undefined;
  /** Of its parameters. Default: the definition's. */
  version?: number;
  /** Slug of the resource that it is launched from. Default: from none. */
  from?: string | null;
  /** The task that it is a part of. */
  parentId?: number | null;
  /** Plain JSON that is kept with it. */
  meta?: unknown;
  /** What its end launches, whatever that is, on behalf of the same. */
  onFinished?: OnFinished | undefined;
  /** `ignore`: it holds nothing, and asks nobody. Default: `check`. */
  locks?: 'check' | 'ignore' | undefined;
  /** Whoever launches it in a transaction runs it when that has committed, if it runs inline. */
  isRunAfter?: boolean;
  /** What runs it. Default: it is chosen. */
  backend?: string;
}

/** A task that the end of another launches. */
export interface OnFinished {
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  readonly task: TaskDefinition<any, any>;
  readonly params: unknown;
}
