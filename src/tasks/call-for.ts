import type { Queryable } from '../db/transaction.ts';
import type { BackendCall } from '../queue/backend.ts';
import type { TaskContext } from './context.ts';

/**
 * Calls a worker for tasks, by their backend, in the transaction of `client`. One that is not known
 * here, or `inline`, is called for by nobody: a worker that knows it finds them.
 */
export async function callFor(
  client: Queryable,
  { backends }: Pick<TaskContext, 'backends'>,
  backend: string,
  call: Omit<BackendCall, 'delayMs'> & { delayMs?: number },
): Promise<void> {
  await backends.called.get(backend)?.call(client, { delayMs: 0, ...call });
}
