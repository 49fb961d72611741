import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { can } from '../../resources/permissions.ts';
import { mayLaunch } from '../../task-definitions/may-launch.ts';
import type { TaskContext } from '../context.ts';
import { isFinished } from '../states.ts';
import type { OwnTask } from '../task-row.ts';

/** Of whose records a run has changed some, by `change`; the one that it changed last comes first. */
export async function changedResources({ pages, t }: Database, taskId: number): Promise<string[]> {
  const { rows } = await pages.query<{ resource: string }>(
    `select max(resource) as resource from ${t.change} where task_id = $1 group by model order by max(id) desc`,
    [taskId],
  );
  return rows.map(({ resource }) => resource);
}

/**
 * By what the task of a run is taken back: the `undo` of its definition, or the images of what it
 * changed, where it wrote nothing else. Null: it is not, or not by this person.
 */
export async function undoneThrough(
  context: Pick<TaskContext, 'db' | 'registry' | 'definitions'>,
  principal: Principal,
  task: OwnTask,
): Promise<'code' | 'images' | null> {
  if (!isFinished(task.state)) return null;
  if (hasUndo(context, task)) {
    const definition = context.definitions.get(task.operation);
    return definition && task.startedAt && mayLaunch(definition, principal) ? 'code' : null;
  }
  if (task.wroteItself) return null;
  const changed = await changedResources(context.db, task.id);
  const mine = context.registry.listFor(principal);
  const mayChange = (slug: string) =>
    mine.some((resource) => resource.slug === slug && can(resource, principal, 'update'));
  return changed.length > 0 && changed.every(mayChange) ? 'images' : null;
}

/** An undo is not taken back by the code that it was. */
export function hasUndo({ definitions }: Pick<TaskContext, 'definitions'>, task: OwnTask): boolean {
  return !task.isUndo && definitions.get(task.operation)?.options.undo !== undefined;
}

/** Throws AppError 'not-undoable' (409). */
export function assertWroteNothingElse(task: OwnTask): void {
  if (!task.wroteItself) return;
  const message =
    'Its run wrote to the database itself, of which nothing is kept: it cannot be undone.';
  throw new AppError('not-undoable', 409, message);
}
