import type { Principal } from '../auth/principal.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import type { TaskContext } from '../tasks/context.ts';
import { seesTask, tasksSeen } from '../tasks/who-sees.ts';
import type { AlertContent, alertEvent } from './alerts.ts';
import { type Alert, messageChannel } from './contract.ts';

/** A notice on a person's pages. */
export interface Message {
  readonly id: number;
  readonly isSeen: boolean;
  readonly at: Date;
  readonly event: TaskEvent['name'] | typeof alertEvent;
  readonly title: string;
  /** Null: it is an alert. */
  readonly task: TaskEvent['task'] | null;
  readonly alert: Pick<Alert, 'finding' | 'path' | 'remedy' | 'isOver'> | null;
}

type MessageRow = Omit<Message, 'at' | 'id' | 'title' | 'alert'> & {
  id: string;
  at: string;
  launcher: Principal;
  alert: AlertContent | null;
};

type Seeing = Pick<TaskContext, 'db' | 'registry' | 'people'>;

/** Is anybody told by messages at all? */
export function hasMessages({ channels }: Pick<TaskContext, 'channels'>): boolean {
  return channels.list.some(({ name }) => name === messageChannel);
}

/** The latest first, one statement, without those about tasks that they may not see any more. */
export async function listMessages(
  context: Seeing,
  principal: Principal,
  { after = 0, limit }: { after?: number; limit: number },
): Promise<Message[]> {
  const { t, pages } = context.db;
  const { rows } = await pages.query<MessageRow>(
    `select id, seen_at is not null as "isSeen", content ->> 'at' as at, content ->> 'name' as event, content -> 'task' as task, content -> 'launcher' as launcher, content -> 'alert' as alert
     from ${t.notice} where recipient = $1 and channel = '${messageChannel}' and state = 'sent' and id > $2 order by id desc limit $3`,
    [principal.id, after, limit],
  );
  return rows
    .filter(({ task, launcher }) =>
      task
        ? seesTask(context, principal, {
            resource: task.resource,
            operation: task.operation,
            principalId: launcher.id,
            principal: launcher,
          })
        : tasksSeen(context.registry, principal) === null,
    )
    .map(({ id, isSeen, at, event, task, alert }) => ({
      id: Number(id),
      isSeen,
      at: new Date(at),
      event,
      title: task?.title ?? alert?.title ?? '',
      task,
      alert: alert && {
        ...{ finding: alert.finding, path: alert.path, isOver: alert.isOver },
        remedy: alert.remedy ?? '',
      },
    }));
}

/** Marks one of a person's messages as read; false: there is no such. */
export async function readMessage(
  { db: { t, pages } }: Seeing,
  principal: Principal,
  id: number,
): Promise<boolean> {
  const { rowCount } = await pages.query(
    `update ${t.notice} set seen_at = coalesce(seen_at, now())
     where id = $1 and recipient = $2 and channel = '${messageChannel}'`,
    [id, principal.id],
  );
  return rowCount === 1;
}

/** Marks all of a person's up to one as read: what has come since is still to be seen. */
export async function readMessages(
  { db: { t, pages } }: Seeing,
  principal: Principal,
  upTo: number,
): Promise<void> {
  await pages.query(
    `update ${t.notice} set seen_at = now()
     where recipient = $1 and channel = '${messageChannel}' and state = 'sent' and seen_at is null and id <= $2`,
    [principal.id, upTo],
  );
}

/** Marks those about one task, which they are looking at. */
export async function readMessagesOf(
  { db: { t, pages } }: Seeing,
  principal: Principal,
  taskId: number,
): Promise<void> {
  await pages.query(
    `update ${t.notice} set seen_at = now()
     where task_id = $1 and recipient = $2 and channel = '${messageChannel}' and state = 'sent' and seen_at is null`,
    [taskId, principal.id],
  );
}
