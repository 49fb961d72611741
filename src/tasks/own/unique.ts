import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { DuplicatePolicy } from '../../task-definitions/define-task.ts';
import { advisoryClass } from '../advisory-class.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { assertReadCommitted } from '../read-committed.ts';
import { unfinishedStates } from '../states.ts';
import type { OwnTask } from '../task-row.ts';

/** What a task is to do that may not be under way twice. */
export type Turn =
  /** Nothing is in its way (`after` null), or it goes behind another. */
  | { readonly after: number | null }
  /** This one is it already. */
  | { readonly existing: number };

/** Those that wait for their time are not under way yet: their own turn is asked when it has come. */
const underWay = unfinishedStates.filter((state) => state !== 'scheduled');

/** What is the same: of one name, by one key. */
interface Same {
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

export function duplicate(taskId: number): AppError {
  const message = `The same is under way already, as task ${taskId}.`;
  return new AppError('duplicate', 409, message, { taskId });
}

/**
 * Asks whether the same is under way, and makes room by the policy, once its turn is locked. Throws
 * AppError 'duplicate' (409, details.taskId).
 */
export async function askTurn(
  client: Queryable,
  { db: { t } }: Pick<TaskContext, 'db'>,
  { name, uniqueKey, policy }: Same & { policy: DuplicatePolicy },
): Promise<Turn> {
  const { rows } = await client.query<
    Pick<OwnTask, 'id' | 'state' | 'startedAt'> & { isJoined: boolean }
  >(
    `select id, state, started_at as "startedAt", is_joined as "isJoined" from ${t.task}
     where operation = $1 and unique_key = $2 and state = any($3) order by id for update`,
    [name, uniqueKey, underWay],
  );
  const [first] = rows;
  if (!first) return { after: null };
  if (policy === 'existing') return { existing: first.id };
  if (policy === 'refuse') throw duplicate(first.id);
  // Parts of one may go on that has not begun itself.
  const isReplaced = (task: (typeof rows)[number]) =>
    policy === 'replace' && task.state === 'queued' && task.startedAt === null && !task.isJoined;
  for (const { id } of rows.filter(isReplaced))
    await moveTask(client, t, id, 'cancelled', {
      reason: 'replaced',
      message: 'A later launch took its place.',
    });
  return { after: rows.filter((task) => !isReplaced(task)).at(-1)?.id ?? null };
}
