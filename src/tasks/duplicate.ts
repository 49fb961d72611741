import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';
import { seesTask } from './who-sees.ts';

/** A task as far as it is asked who sees it. */
export type TaskFound = Pick<
  TaskRow,
  'id' | 'kind' | 'resource' | 'operation' | 'principalId' | 'principal' | 'operationId' | 'state'
>;

/** The same is under way; `so` says what follows. The task is named to whoever may see it. */
export function duplicate(
  context: Pick<TaskContext, 'registry' | 'people'>,
  principal: Principal,
  task: Omit<TaskFound, 'operationId' | 'state' | 'kind'>,
  so = 'Nothing was started.',
): AppError {
  const isSeen = seesTask(context, principal, task);
  const whose = isSeen ? `as task ${task.id}` : 'launched by somebody else';
  const message = `The same is under way already, ${whose}. ${so}`;
  if (!isSeen) return new AppError('duplicate', 409, message);
  return new AppError('duplicate', 409, message, { taskId: task.id });
}
