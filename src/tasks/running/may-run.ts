import type { Principal } from '../../auth/principal.ts';
import { isSystem } from '../../auth/system-principal.ts';
import { AppError } from '../../errors.ts';
import type { Operation } from '../../operations/contract.ts';
import { findOperation, mayRun } from '../../operations/operations.ts';
import type { Resource } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import { mayLaunch } from '../../task-definitions/may-launch.ts';
import type { TaskContext } from '../context.ts';
import type { BulkTask, TaskRow } from '../task-row.ts';

/**
 * Why a task may not run (any more): its person was signed out for good, or has lost the right.
 * Null: it may.
 */
export async function whyNot(
  context: TaskContext,
  task: TaskRow,
): Promise<{ code: string; message: string } | null> {
  const principal = await personNow(context, task.principal);
  if (!principal) return inactive(task);
  if (task.kind === 'own') {
    const definition = context.definitions.get(task.operation);
    if (!definition)
      return { code: 'unknown', message: `There is no task “${task.operation}” here (any more).` };
    return mayLaunch(definition, principal) ? null : forbidden(task);
  }
  if (!context.registry.list.some(({ slug }) => slug === task.resource)) {
    return { code: 'unknown', message: `There is no resource “${task.resource}” here (any more).` };
  }
  const resource = resourceOf(context, { ...task, principal });
  const operation = resource && findOperation(resource, task.operation);
  if (
    !operation ||
    !mayRun(resource, principal, task) ||
    operation.mayChange?.(resource, principal, task.parameters) === false ||
    !(await mayBringBack(context, { ...task, principal }, resource, operation))
  ) {
    return forbidden(task);
  }
  return null;
}

function forbidden({ principalName }: TaskRow): { code: string; message: string } {
  return { code: 'forbidden', message: `${principalName} may not do this any more.` };
}

/**
 * Deleted records are in nobody's row scope: with one, only whoever deleted them may bring them
 * back, and what went along.
 */
async function mayBringBack(
  { db }: TaskContext,
  { parameters, principal }: TaskRow,
  resource: Resource,
  operation: Operation,
): Promise<boolean> {
  const recreated = operation.recreates?.(parameters);
  if (!recreated) return true;
  const { taskId, action, models } = recreated;
  const back = [resource, ...models.map((model) => resource.related(model))];
  if (back.some((one) => one === null || !can(one, principal, action))) return false;
  if (back.every((one) => one?.scope(principal) === null)) return true;
  const { rowCount } = await db.background.query(
    `select 1 from ${db.t.task} where id = $1 and principal_id = $2`,
    [taskId, principal.id],
  );
  return rowCount === 1;
}

export function inactive({ principalName }: Pick<TaskRow, 'principalName'>): {
  code: string;
  message: string;
} {
  return { code: 'user-inactive', message: `${principalName} may not sign in any more.` };
}

/**
 * Somebody as they are now, null where they may not come in any more; of the system nothing is
 * asked.
 */
export async function personNow(
  { people }: Pick<TaskContext, 'people'>,
  principal: Principal,
): Promise<Principal | null> {
  return isSystem(principal) ? principal : people.findUser(principal.id, principal);
}

/** The task's resource as its principal may see it now; null where that is nothing any more. */
export function resourceOf({ registry }: TaskContext, task: BulkTask): Resource | null {
  try {
    return registry.for(task.principal, task.resource);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
