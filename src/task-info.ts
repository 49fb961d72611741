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
  /** Who launched it. */
  readonly principal: { readonly id: string; readonly name: string };
  /** As they were given. */
  readonly params: unknown;
  /** What the launch kept with it. */
  readonly meta: unknown;
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
  /** The task that it waits for. */
  readonly blockedBy: number | null;
  /** What its end launches, and then its id; null: nothing. */
  readonly onFinished: { readonly title: string; readonly taskId: number | null } | null;
  /** Not before this. */
  readonly dueAt: Date | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Its last sign of life: a change of state, records done, progress said. */
  readonly updatedAt: Date;
}

export function infoOf<R>(task: TaskRow): TaskInfo<R> {
  const { id, state, title, operation, resource, done, progressMessage, reason, message } = task;
  return {
    id,
    state,
    title,
    name: operation,
    resource,
    principal: { id: task.principalId, name: task.principalName },
    params: task.parameters,
    meta: task.meta,
    done,
    total: task.total ?? task.expected,
    progressMessage,
    reason,
    message,
    result: task.result as R | null,
    isFinished: isFinished(state),
    blockedBy: task.blockedBy,
    onFinished: task.onFinished,
    dueAt: task.dueAt,
    createdAt: task.createdAt,
    startedAt: task.startedAt,
    finishedAt: task.finishedAt,
    updatedAt: task.updatedAt,
  };
}
