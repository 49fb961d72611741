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
  if (hasUndo(context, task)) return isUndoneByCode(context, principal, task) ? 'code' : null;
  if (task.wroteItself) return null;
  const changed = await changedResources(context.db, task.id);
  return mayPutBack(context, principal, changed) ? 'images' : null;
}

function isUndoneByCode(
  { definitions }: Pick<TaskContext, 'definitions'>,
  principal: Principal,
  { operation, startedAt }: OwnTask,
): boolean {
  const definition = definitions.get(operation);
  return definition !== undefined && startedAt !== null && mayLaunch(definition, principal);
}

function mayPutBack(
  { registry }: Pick<TaskContext, 'registry'>,
  principal: Principal,
  changed: readonly string[],
): boolean {
  const mine = registry.listFor(principal);
  const mayChange = (slug: string) =>
    mine.some((resource) => resource.slug === slug && can(resource, principal, 'update'));
  return changed.length > 0 && changed.every(mayChange);
}

/**
 * Which of several own tasks this person can have taken back, and nobody has yet; one statement, none
 * where there are none to ask about.
 */
export async function listUndoable(
  context: Pick<TaskContext, 'db' | 'registry' | 'definitions'>,
  principal: Principal,
  tasks: readonly OwnTask[],
): Promise<ReadonlySet<number>> {
  const { pages, t } = context.db;
  const ended = tasks.filter(({ state }) => isFinished(state));
  if (ended.length === 0) return new Set();
  const { rows } = await pages.query<{ id: number; changed: string[]; isBack: boolean }>(
    `select id, array(select distinct resource from ${t.change} where task_id = task.id) as changed,
       coalesce((select bool_and(undo.state = 'succeeded') from ${t.task} undo where undo.follows_id = task.id and undo.is_undo
         and not exists (select 1 from ${t.task} again where again.follows_id = undo.id and again.selection ->> 'kind' = 'changed' and again.changed > 0)), false) as "isBack"
     from ${t.task} task where id = any($1)`,
    [ended.map(({ id }) => id)],
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  const isUndoable = (task: OwnTask) => {
    const { changed = [], isBack = true } = found.get(task.id) ?? {};
    if (isBack) return false;
    if (hasUndo(context, task)) return isUndoneByCode(context, principal, task);
    return !task.wroteItself && mayPutBack(context, principal, changed);
  };
  return new Set(ended.filter(isUndoable).map(({ id }) => id));
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
