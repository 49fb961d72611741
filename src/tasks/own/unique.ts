import type { Principal } from '../../auth/principal.ts';
import { advisoryClass } from '../../db/advisory-class.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { DuplicatePolicy } from '../../unique.ts';
import type { TaskContext } from '../context.ts';
import { duplicate, type TaskFound } from '../duplicate.ts';
import { moveTask } from '../move-task.ts';
import { assertReadCommitted } from '../read-committed.ts';
import { assertUndoable } from '../start-over/assert-undoable.ts';
import { unfinishedStates } from '../states.ts';
import { isWorkedOn, stopTask } from '../stop-task.ts';
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
  /** What is taken back before it begins; null: nothing, and what it goes behind goes on. */
  readonly startOver: TaskRow['startOver'];
}

export const freeTurn: Room = { replaced: [], behind: [], startOver: null };

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

type UnderWay = TaskFound &
  Pick<TaskRow, 'state' | 'startedAt' | 'startOver'> & { isJoined: boolean };

/** The same that is under way, the first launched first. */
export async function listSame(
  client: Queryable,
  { db: { t } }: Pick<TaskContext, 'db'>,
  { kind, name, uniqueKey }: Same,
  { isLocked = false } = {},
): Promise<UnderWay[]> {
  const { rows } = await client.query<UnderWay>(
    `select id, kind, operation_id as "operationId", operation, resource, principal, principal_id as "principalId", state, started_at as "startedAt", is_joined as "isJoined", start_over as "startOver" from ${t.task}
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
  context: TaskContext,
  { policy, principal, ...same }: Same & { policy: DuplicatePolicy; principal: Principal },
): Promise<Turn> {
  const found = await listSame(client, context, same, { isLocked: true });
  const [first] = found;
  if (!first) return freeTurn;
  if (policy === 'existing') return { existing: first };
  if (policy === 'refuse') throw duplicate(context, principal, first);
  const takesPlace = policy === 'replace' || policy === 'start-over';
  // Parts of one may go on that has not begun itself.
  const isReplaced = (task: UnderWay) =>
    takesPlace && task.state === 'queued' && task.startedAt === null && !task.isJoined;
  const replaced = found.filter(isReplaced);
  const behind = found.filter((task) => !isReplaced(task));
  if (policy !== 'start-over') return { replaced, behind, startOver: null };
  for (const { id } of behind) await assertUndoable(client, context, principal, id);
  // What one that has not begun was to take back, or is taking back, is taken back still.
  const startOver = [
    ...replaced.flatMap((task) => task.startOver ?? []),
    ...behind.map(({ id }) => ({ taskId: id, undoIds: null })),
  ];
  return { replaced, behind, startOver: startOver.length > 0 ? startOver : null };
}

/** Cancels what a launch takes the place of, and what it takes back. */
export async function makeRoom(
  client: Queryable,
  context: TaskContext,
  { replaced, behind, startOver }: Room,
): Promise<void> {
  for (const { id } of replaced) {
    await moveTask(client, context.db.t, id, 'cancelled', {
      reason: 'replaced',
      message: 'A later launch took its place.',
    });
    await wakeWaiting(client, context, id);
  }
  if (!startOver) return;
  const message = 'Cancelled for a later launch, which takes back what it did and starts over.';
  for (const task of behind) {
    const isAtIt = await isWorkedOn(client, context.db.t, task.id);
    await stopTask(client, context, { ...task, isWorkedOn: isAtIt }, { message });
  }
}

/** The task that it waits for first, and what it takes back; null: none. */
export function placeOf({ behind, startOver }: Room): Pick<TaskRow, 'blockedBy' | 'startOver'> {
  return { blockedBy: behind.at(-1)?.id ?? null, startOver };
}
