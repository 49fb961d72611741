import { writeEntry } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import { AppError } from '../../errors.ts';
import { callFor } from '../call-for.ts';
import type { TaskContext } from '../context.ts';
import { lockUnfinished, taskHeld } from './lock-task.ts';

/**
 * Gives a task that waits for its time another one; one that is past begins it at once. Throws
 * AppError 'not-scheduled' (409) where it waits for none.
 */
export async function reschedule(
  context: TaskContext,
  principal: Principal,
  taskId: number,
  at: Date,
): Promise<void> {
  const { db } = context;
  await patientTransaction(db.pages, taskHeld, async (client) => {
    const { state, backend } = await lockUnfinished(client, context, principal, taskId);
    if (state !== 'scheduled')
      throw new AppError('not-scheduled', 409, 'This task does not wait for its time.', { state });
    await client.query(`update ${db.t.task} set due_at = $2 where id = $1`, [taskId, at]);
    await callFor(client, context, backend, { kind: 'own', taskIds: [taskId] });
    const details = { to: at.toISOString() };
    await writeEntry(client, db, { act: 'task-rescheduled', by: principal, taskId, details });
  });
}
