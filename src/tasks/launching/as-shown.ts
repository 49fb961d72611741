import type { Principal } from '../../auth/principal.ts';
import type { TaskContext } from '../context.ts';
import { duplicate } from '../duplicate.ts';
import type { Launched } from '../launched.ts';
import { seesTask } from '../who-sees.ts';

/**
 * What a launch is answered with that has found another task. Throws AppError 'duplicate' (409)
 * where that is not this person’s to see.
 */
export function asShown(
  context: Pick<TaskContext, 'registry' | 'people'>,
  principal: Principal,
  launched: Launched,
): Launched {
  if (seesTask(context, principal, launched.task)) return launched;
  throw duplicate(context, principal, launched.task);
}
