import { actionOf } from '../operations/register.ts';
import { can } from '../resources/permissions.ts';
import type { Resource } from '../resources/contract.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';

/** Why a task may not run (any more): its person was signed out for good, or has lost the right. Null: it may. */
export async function whyNot(ctx: TaskContext, task: TaskRow, resource: Resource): Promise<{ code: string; message: string } | null> {
  if (ctx.isPrincipalActive && !(await ctx.isPrincipalActive(task.principalId))) {
    return { code: 'user-inactive', message: `${task.principalName} may not sign in any more.` };
  }
  if (!can(resource, task.principal, actionOf(task.operation, task.parameters))) {
    return { code: 'forbidden', message: `${task.principalName} may not do this any more.` };
  }
  return null;
}
