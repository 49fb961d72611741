import { Pool } from 'pg';
import { type Queryable, transaction } from '../db/transaction.ts';
import { withSavepoint } from '../db/with-savepoint.ts';
import type { BackendCall } from '../queue/backend.ts';
import type { TaskContext } from './context.ts';

type Called = Omit<BackendCall, 'delayMs'> & { delayMs?: number };

/**
 * Calls a worker for tasks, by their backend, in the transaction of `client`: what that throws is
 * thrown. A backend that is not known here, or `inline`, calls nobody: a worker that knows it finds
 * them.
 */
export async function callFor(
  client: Queryable,
  { backends }: Pick<TaskContext, 'backends'>,
  backend: string,
  call: Called,
): Promise<void> {
  await backends.called.get(backend)?.call(client, { delayMs: 0, ...call });
}

/**
 * The same for tasks that are there already, whatever becomes of it: what they wait for has come, and
 * must not be undone for a backend that cannot be reached. They are called for again.
 */
export async function wakeFor(
  client: Queryable,
  context: Pick<TaskContext, 'backends' | 'log'>,
  backend: string,
  call: Called,
): Promise<void> {
  const { backends, log } = context;
  if (!backends.isOwn(backend)) return callFor(client, context, backend, call);
  const asked = (within: Queryable) => callFor(within, context, backend, call);
  try {
    await (client instanceof Pool ? transaction(client, asked) : withSavepoint(client, asked));
  } catch (error) {
    log('warning', 'tasks are called for later', { ...call, backend, error });
  }
}
