import { inlineName } from '../../queue/backend.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import { backendOfOwn } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { inInlineTurn } from '../inline-turns.ts';
import type { Launched } from '../launched.ts';
import { getTask } from '../looking/queries.ts';
import type { OwnLaunch } from '../own/own-launch.ts';

/**
 * Launches a task in a transaction, and where it is to run inline runs it when that has committed,
 * in a turn that it has before. Throws AppError 'no-turn' (503).
 */
export async function launchAndRun(
  context: TaskContext,
  definition: TaskDefinition,
  { principal, from: resource = null }: Pick<OwnLaunch, 'principal' | 'from'>,
  launch: (backend: string) => Promise<Launched>,
): Promise<Launched> {
  const backend = backendOfOwn(context, definition, { principal, resource });
  if (backend !== inlineName) return launch(backend);
  return inInlineTurn(context, async () => {
    const launched = await launch(backend);
    const { task, outcome } = launched;
    if (outcome !== 'queued' || task.backend !== inlineName) return launched;
    await context.runWithin(task);
    return { task: await getTask(context, principal, task.id), outcome: 'inline' };
  });
}
