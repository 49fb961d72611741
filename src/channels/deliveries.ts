import { entryJson, insertEntriesSql } from '../audit/entry.ts';
import type { Principal } from '../auth/principal.ts';
import { isSystem } from '../auth/system-principal.ts';
import { notFound } from '../errors.ts';
import type { TaskContext } from '../tasks/context.ts';
import { tasksSeen } from '../tasks/who-sees.ts';

/** What became of a notice: on its way, sent, not theirs any more, tried often enough. */
export type NoticeState = 'waiting' | 'sent' | 'dropped' | 'given-up';

/** A notice as whoever looks after it sees it. */
export interface DeliveryRecord {
  readonly id: number;
  /** Null: it is an alert. */
  readonly taskId: number | null;
  /** Of the task, or of the alert. */
  readonly title: string;
  readonly channel: string;
  /** Name of a person, or an address; null: the channel's own place. */
  readonly to: string | null;
  readonly state: NoticeState;
  readonly attempts: number;
  readonly createdAt: Date;
  /** When it was sent, or ended otherwise. */
  readonly settledAt: Date | null;
  /** When it is tried next; null: it is not. */
  readonly dueAt: Date | null;
  readonly error: string | null;
}

/** They name people and addresses, and are there for whoever sees the tasks of every resource. */
export function seesDeliveries(
  { registry, channels }: Pick<TaskContext, 'registry' | 'channels'>,
  principal: Principal,
): boolean {
  return (
    channels.list.length > 0 && (isSystem(principal) || tasksSeen(registry, principal) === null)
  );
}

type Seeing = Pick<TaskContext, 'db' | 'registry' | 'channels'>;

/** The latest first, of one task or of all; one statement. Throws AppError 404 for whom they are not there. */
export async function listDeliveries(
  context: Seeing,
  principal: Principal,
  { taskId, limit }: { taskId: number | null; limit: number },
): Promise<DeliveryRecord[]> {
  if (!seesDeliveries(context, principal)) throw notFound();
  const { t, pages } = context.db;
  const { rows } = await pages.query<Omit<DeliveryRecord, 'id'> & { id: string }>(
    `select id, task_id as "taskId", coalesce(content -> 'task' ->> 'title', content -> 'alert' ->> 'title') as title, channel,
       coalesce(person ->> 'name', nullif(recipient, '')) as "to", state, attempts, created_at as "createdAt",
       settled_at as "settledAt", case when state = 'waiting' then due_at end as "dueAt", error
     from ${t.notice} where $1::int is null or task_id = $1 order by id desc limit $2`,
    [taskId, limit],
  );
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}

/**
 * Sends one again, or at once, as if it had not been tried: under the same id, to the same
 * recipient, who must be allowed it still. Throws AppError 404 where there is none.
 */
export async function sendAgain(context: Seeing, principal: Principal, id: number): Promise<void> {
  if (!seesDeliveries(context, principal)) throw notFound();
  const { t, pages } = context.db;
  const { rowCount } = await pages.query(
    `with sent as (
       update ${t.notice} set state = 'waiting', attempts = 0, due_at = clock_timestamp(), settled_at = null, error = null
       where id = $1 and channel = any($2) returning $3::text as entry, task_id
     ) ${insertEntriesSql(t, 'sent', 'task_id')}`,
    [
      id,
      context.channels.list.map(({ name }) => name),
      entryJson(context.db, { act: 'delivery-sent-again', by: principal, details: { notice: id } }),
    ],
  );
  if (rowCount === 0) throw notFound();
}
