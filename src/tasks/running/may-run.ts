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
  if (!(await isActive(context, task.principal))) {
    return { code: 'user-inactive', message: `${task.principalName} may not sign in any more.` };
  }
  if (task.kind === 'own') {
    const definition = context.definitions.get(task.operation);
    if (!definition)
      return { code: 'unknown', message: `There is no task “${task.operation}” here (any more).` };
    const principal = await principalNow(context, task.principal);
    return mayLaunch(definition, principal) ? null : forbidden(task);
  }
  if (!context.registry.list.some(({ slug }) => slug === task.resource)) {
    return { code: 'unknown', message: `There is no resource “${task.resource}” here (any more).` };
  }
  const { principal } = await withRolesNow(context, task);
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

/** Is this person still allowed in? The system is never asked. */
export async function isActive(
  { isPrincipalActive }: TaskContext,
  principal: Principal,
): Promise<boolean> {
  return isSystem(principal) || !isPrincipalActive || isPrincipalActive(principal.id);
}

/** A person with their roles as they are now; the system has none. */
export async function principalNow(
  { rolesOf }: TaskContext,
  principal: Principal,
): Promise<Principal> {
  const roles = isSystem(principal) ? null : await rolesOf?.(principal.id);
  return roles ? { ...principal, roles } : principal;
}

/** The task with its principal's roles as they are now. */
export async function withRolesNow<T extends TaskRow>(context: TaskContext, task: T): Promise<T> {
  return { ...task, principal: await principalNow(context, task.principal) };
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
