import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { changesFixedField } from '../operations/fixed-fields.ts';
import type { UndoParameters } from '../operations/undo.ts';
import { actionOf } from '../operations/register.ts';
import { can } from '../resources/permissions.ts';
import type { Action, Resource } from '../resources/contract.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';

/** Why a task may not run (any more): its person was signed out for good, or has lost the right. Null: it may. */
export async function whyNot(ctx: TaskContext, task: TaskRow): Promise<{ code: string; message: string } | null> {
  if (ctx.isPrincipalActive && !(await ctx.isPrincipalActive(task.principalId))) {
    return { code: 'user-inactive', message: `${task.principalName} may not sign in any more.` };
  }
  const { principal } = await withRolesNow(ctx, task);
  const resource = resourceOf(ctx, { ...task, principal });
  const action = actionOf(task.operation, task.parameters);
  const isAllowed = resource && can(resource, principal, action) && mayBringBack(resource, principal, action, task.parameters);
  if (!isAllowed || changesFixedField(resource, principal, task.parameters)) {
    return { code: 'forbidden', message: `${task.principalName} may not do this any more.` };
  }
  return null;
}

/** Does an undo bring back, along with others, records that its principal may not delete (any more)? */
function mayBringBack(resource: Resource, principal: Principal, action: Action, parameters: unknown): boolean {
  const { along = [] } = (parameters ?? {}) as Pick<UndoParameters, 'along'>;
  return along.every(({ model, isThere }) => {
    const seen = isThere ? resource.related(model) : null;
    return !isThere || (seen !== null && can(seen, principal, action));
  });
}

/** The task with its principal's roles as they are now. */
export async function withRolesNow(ctx: TaskContext, task: TaskRow): Promise<TaskRow> {
  const roles = await ctx.rolesOf?.(task.principalId);
  return roles ? { ...task, principal: { ...task.principal, roles } } : task;
}

/** The task's resource as its principal may see it now; null where that is nothing any more. */
export function resourceOf({ register }: TaskContext, task: TaskRow): Resource | null {
  try {
    return register.for(task.principal, task.resource);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
