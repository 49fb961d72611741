import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
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
  const message = 'The same is under way already, launched by somebody else. Nothing was started.';
  throw new AppError('duplicate', 409, message);
}
