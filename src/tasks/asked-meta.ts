import type { TaskContext } from './context.ts';
import type { NewTask } from './insert-task.ts';

/** What the manager of its resource keeps with it; throws what that refuses it with. */
export function askedMeta(
  { onLaunch }: TaskContext,
  { operation: name, resource: { slug: resource }, principal, meta }: NewTask,
): Promise<unknown> {
  return onLaunch({ name, resource, principal, meta });
}
