import type { Principal } from '../auth/principal.ts';
import { isSystem } from '../auth/system-principal.ts';
import type { TaskOptions } from './define-task.ts';

/** May this principal launch it? Only `true` says so; the system is asked for no permission. */
export function mayLaunch(
  { options: { allowed } }: { options: Pick<TaskOptions, 'allowed'> },
  principal: Principal,
): boolean {
  return !allowed || isSystem(principal) || allowed(principal) === true;
}
