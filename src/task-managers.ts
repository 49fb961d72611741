import type { AdminDefinition } from './admin-definition.ts';
import { whyNotPlain } from './plain-json.ts';
import { type ManagerOf, TaskManager, type TaskManagerClass } from './task-manager.ts';
import type { AskedLaunch } from './tasks/asked-launch.ts';
import type { TaskContext } from './tasks/context.ts';

type Managed = Pick<AdminDefinition, 'taskManager' | 'taskManagerArguments'>;

interface Manager {
  made: TaskManagerClass;
  own: readonly unknown[];
}

/** The manager of a resource, by its slug, where it has one of its own; else the admin's. */
function classOf(admin: Managed, { registry }: TaskContext, slug: string | null): Manager {
  const resource = registry.list.find((one) => one.slug === slug);
  const { taskManager, taskManagerArguments = [] } = resource?.taskManager ? resource : admin;
  return { made: (taskManager ?? TaskManager) as TaskManagerClass, own: taskManagerArguments };
}

/** Makes the managers of an admin. */
export function managersOf(admin: Managed, context: TaskContext): ManagerOf {
  const managerOf: ManagerOf = (resource, principal, close) => {
    const { made, own } = classOf(admin, context, resource);
    return new made({ context, principal, resource, managerOf, close }, ...own);
  };
  return managerOf;
}

/** What is kept with a launch, as its manager says. Throws what that refuses it with. */
export async function askManager(
  admin: Managed,
  context: TaskContext,
  asked: AskedLaunch,
): Promise<unknown> {
  const { made } = classOf(admin, context, asked.resource);
  if (made.prototype.onLaunch === TaskManager.prototype.onLaunch) return asked.meta;
  const answer = await managersOf(admin, context)(asked.resource, asked.principal).onLaunch(asked);
  if (!answer || !('meta' in answer)) return asked.meta;
  const wrong = whyNotPlain(answer.meta ?? null, 'meta');
  if (wrong) throw new TypeError(`onLaunch of ${made.name}: ${wrong}`);
  return answer.meta;
}
