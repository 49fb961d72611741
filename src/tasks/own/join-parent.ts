import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import { getTask } from '../looking/queries.ts';

const parentHeld =
  'Somebody is at the task that this is to be a part of. Nothing was started. Try again in a moment.';

/**
 * Launches within a transaction in which the task `parentId`, which `principal` sees, does not end,
 * so that it waits for what is launched; null: what is launched is no part of another.
 *
 * Throws AppError 'not-found' (404), 'task-finished' (409): it has ended, is about to, or is bulk
 * work, which has no parts.
 */
export async function launchInParent<T>(
  context: TaskContext,
  principal: Principal,
  parentId: number | null,
  given: Queryable | undefined,
  launch: (client: Queryable | undefined) => Promise<T>,
): Promise<T> {
  if (parentId === null) return launch(given);
  await getTask(context, principal, parentId);
  const within = async (client: Queryable) => {
    const { t } = context.db;
    const { rows } = await client.query<{ id: number }>(
      `update ${t.task} set is_joined = true where id = $1 and kind = 'own' and state in ('scheduled', 'queued', 'running', 'pausing', 'paused') returning id`,
      [parentId],
    );
    if (rows.length === 0)
      throw new AppError('task-finished', 409, `Task ${parentId} takes no more parts.`);
    return launch(client);
  };
  return given ? within(given) : patientTransaction(context.db.pages, parentHeld, within);
}
