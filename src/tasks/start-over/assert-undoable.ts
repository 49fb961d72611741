import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { mayLaunch } from '../../task-definitions/may-launch.ts';
import type { TaskContext } from '../context.ts';
import { duplicate } from '../duplicate.ts';
import { prepareUndo } from '../follow-ups/prepare-undo.ts';
import { hasUndo } from '../follow-ups/undone-through.ts';
import { selectTask, type TaskRow } from '../task-row.ts';
import { seesTask } from '../who-sees.ts';

/**
 * Asserts that what a task does could be taken back by this person, as far as it shows before its
 * end. Throws AppError 'duplicate' (409) where it is not theirs to see, 'not-undoable' (409).
 */
export async function assertUndoable(
  client: Queryable,
  context: TaskContext,
  principal: Principal,
  taskId: number,
): Promise<void> {
  const { rows } = await client.query<TaskRow>(`${selectTask(context.db.t)} where id = $1`, [
    taskId,
  ]);
  const task = rows[0] as TaskRow;
  if (!seesTask(context, principal, task)) throw duplicate(context, principal, task);
  try {
    if (task.kind === 'bulk' || !hasUndo(context, task))
      await prepareUndo(context, principal, task);
    else if (!mayLaunchAgain(context, principal, task)) throw notYours();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // So far: what it does until its end is seen then.
    if (error.code === 'nothing-to-undo') return;
    throw new AppError(
      'not-undoable',
      409,
      `The same is under way already, as task ${taskId}, and would be taken back before this begins. ${error.message} Nothing was started.`,
    );
  }
}

function mayLaunchAgain(
  { definitions }: TaskContext,
  principal: Principal,
  { operation }: TaskRow,
): boolean {
  const definition = definitions.get(operation);
  return definition !== undefined && mayLaunch(definition, principal);
}

function notYours(): AppError {
  return new AppError('forbidden', 403, 'It is not yours to take back.');
}
