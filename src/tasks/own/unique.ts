import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { DuplicatePolicy } from '../../unique.ts';
import { advisoryClass } from '../advisory-class.ts';
import type { TaskContext } from '../context.ts';
import { duplicate, type TaskFound } from '../duplicate.ts';
import { moveTask } from '../move-task.ts';
import { assertReadCommitted } from '../read-committed.ts';
import { unfinishedStates } from '../states.ts';
import type { TaskRow } from '../task-row.ts';
import { wakeWaiting } from '../wake-waiting.ts';

/** What a task is to do that may not be under way twice. */
export type Turn =
  /** This one is it already. */
  { readonly existing: TaskFound } | Room;

/** What is cancelled for it once it is there, and behind what it goes, the last launched last. */
export interface Room {
  readonly replaced: readonly TaskFound[];
  readonly behind: readonly TaskFound[];
}

export const freeTurn: Room = { replaced: [], behind: [] };

/** Those that wait for their time are not under way yet: their own turn is asked when it has come. */
const underWay = unfinishedStates.filter((state) => state !== 'scheduled');

/** What is the same: of one kind and name, by one key. */
export interface Same {
  readonly kind: TaskRow['kind'];
  readonly name: string;
  readonly uniqueKey: string;
}

/**
 * Until the transaction of `client` ends nobody else asks for a turn of the same; it must be READ
 * COMMITTED, or it would not see who was faster. Throws AppError 'wrong-isolation' (422).
 */
export async function lockTurn(
  client: Queryable,
  { db: { t } }: Pick<TaskContext, 'db'>,
  { name, uniqueKey }: Same,
): Promise<void> {
  await assertReadCommitted(client, 'a task that may not be under way twice is launched');
  await client.query('select pg_advisory_xact_lock($1, hashtext($2))::text', [
    advisoryClass.uniqueness,
    `${t.task} ${name} ${uniqueKey}`,
  ]);
}

type UnderWay = TaskFound & Pick<TaskRow, 'state' | 'startedAt'> & { isJoined: boolean };

/** The same that is under way, the first launched first. */
export async function listSame(
  client: Queryable,
  { db: { t } }: Pick<TaskContext, 'db'>,
  { kind, name, uniqueKey }: Same,
  { isLocked = false } = {},
): Promise<UnderWay[]> {
  const { rows } = await client.query<UnderWay>(
    `select id, operation_id as "operationId", operation, resource, principal, principal_id as "principalId", state, started_at as "startedAt", is_joined as "isJoined" from ${t.task}
     where kind = $4 and operation = $1 and unique_key = $2 and state = any($3) order by id${isLocked ? ' for update' : ''}`,
    [name, uniqueKey, underWay, kind],
  );
  return rows;
}

/**
 * Asks whether the same is under way, and what is to become of that by the policy, once its turn is
 * locked. Throws AppError 'duplicate' (409, details.taskId where the principal may see it).
 */
export async function askTurn(
  client: Queryable,
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  { policy, principal, ...same }: Same & { policy: DuplicatePolicy; principal: Principal },
): Promise<Turn> {
  const found = await listSame(client, context, same, { isLocked: true });
  const [first] = found;
  if (!first) return freeTurn;
  if (policy === 'existing') return { existing: first };
  if (policy === 'refuse') throw duplicate(context, principal, first);
  // Parts of one may go on that has not begun itself.
  const isReplaced = (task: UnderWay) =>
    policy === 'replace' && task.state === 'queued' && task.startedAt === null && !task.isJoined;
  return {
    replaced: found.filter(isReplaced),
    behind: found.filter((task) => !isReplaced(task)),
  };
}

/** Cancels what a launch takes the place of. */
export async function makeRoom(
  client: Queryable,
  context: TaskContext,
  { replaced }: Room,
): Promise<void> {
  for (const { id } of replaced) {
    await moveTask(client, context.db.t, id, 'cancelled', {
      reason: 'replaced',
      message: 'A later launch took its place.',
    });
    await wakeWaiting(client, context, id);
  }
}

/** The task that it waits for; null: none. */
export function blockerOf({ behind }: Room): number | null {
  return behind.at(-1)?.id ?? null;
}
