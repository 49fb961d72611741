import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import type { Launched } from '../launched.ts';
import { earlierTask } from '../launched.ts';
import { launchOwn } from '../own/launch-own.ts';
import { givenParams } from '../own/secret-params.ts';
import { isFinished, unfinishedSql } from '../states.ts';
import { type OwnTask, selectTask } from '../task-row.ts';

/** Launches the `undo` of a task's definition, unless it is under way: it has the same parameters. */
export async function launchUndoRun(
  context: TaskContext,
  principal: Principal,
  task: OwnTask,
  operationId: string,
  client: Queryable = context.db.pages,
): Promise<Launched> {
  const definition = context.definitions.get(task.operation);
  if (!definition || task.startedAt === null)
    throw new AppError('nothing-to-undo', 409, 'This task has done nothing: it had not begun.');
  const { t } = context.db;
  const { rows } = await client.query<OwnTask>(
    `${selectTask(t)} where kind = 'own' and follows_id = $1 and is_undo and state in (${unfinishedSql}) limit 1`,
    [task.id],
  );
  if (rows[0]) return earlierTask(rows[0], operationId);
  const { parametersVersion: version, priority } = task;
  const launch = { principal, operationId, followsId: task.id, isUndo: true, priority, version };
  const params = await givenParams(context, context.db.pages, task);
  const undoing = await launchOwn(context, definition, params, launch, client);
  return { task: undoing, outcome: isFinished(undoing.state) ? 'inline' : 'queued' };
}
