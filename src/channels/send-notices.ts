import type { Pool } from 'pg';
import type { Principal } from '../auth/principal.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import type { Outbox, TaskContext } from '../tasks/context.ts';
import { handed, inTime } from '../tasks/hooks/deliver.ts';
import { spanned } from '../tasks/spanned.ts';
import { seesTask, tasksSeen } from '../tasks/who-sees.ts';
import type { AlertContent, alertEvent } from './alerts.ts';
import type { Alert, Channel, Dispatch, Notice } from './contract.ts';

/** Whoever has not come back by then has died with it. */
const leaseMs = 60_000;
/** After so many it is sent no more, and that is shown: some nine hours after the first. */
const maxAttempts = 20;
const firstWaitMs = 1_000;
const maxWaitMs = 3_600_000;
/** Of one recipient at once. */
const maxGathered = 10_000;

interface NoticeRow {
  id: string;
  uid: string;
  recipient: string;
  person: Principal | null;
  content: NoticeContent | { name: typeof alertEvent; at: string; alert: AlertContent };
  attempts: number;
}

interface NoticeContent {
  name: TaskEvent['name'];
  at: string;
  by: TaskEvent['by'];
  task: TaskEvent['task'];
  launcher: Principal;
}

type OfTask = NoticeRow & { content: NoticeContent };
type OfAlert = NoticeRow & { content: { alert: AlertContent } };

function isOfTask(row: NoticeRow): row is OfTask {
  return 'task' in row.content;
}

function isOfAlert(row: NoticeRow): row is OfAlert {
  return 'alert' in row.content;
}

/** An outbox for each channel, so that one that does not answer holds up no other. */
export function noticeOutboxes(
  contextOf: () => TaskContext,
  channels: readonly Channel[],
): Outbox[] {
  return channels.map((channel) => ({
    name: channel.name,
    deliverNext: (pool) => sendNext(contextOf(), pool, channel),
    async listDue(pool) {
      const { rows } = await pool.query<{ id: number | null }>(
        `select distinct task_id as id from ${contextOf().db.t.notice} where channel = $1 and ${isDueSql}`,
        [channel.name],
      );
      return rows.map(({ id }) => `${channel.name} of ${id === null ? 'an alert' : `task ${id}`}`);
    },
  }));
}

const isDueSql = `state = 'waiting' and due_at <= clock_timestamp()`;

/** Sends what is due to one recipient; false: there is nothing for now. */
async function sendNext(context: TaskContext, pool: Pool, channel: Channel): Promise<boolean> {
  const { t } = context.db;
  const gathered = channel.gatherMs
    ? `recipient = (select recipient from next) and (due_at <= clock_timestamp() or attempts = 0)`
    : `id = (select id from next)`;
  const { rows } = await pool.query<NoticeRow>(
    `with next as (
       select id, recipient from ${t.notice} where channel = $1 and ${isDueSql} order by due_at, id limit 1 for update skip locked
     ), due as (
       select id from ${t.notice} where channel = $1 and state = 'waiting' and ${gathered} order by id limit ${maxGathered} for update skip locked
     )
     update ${t.notice} set attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => ${leaseMs / 1_000})
     where id in (select id from due)
     returning id, uid, recipient, person, content, attempts`,
    [channel.name],
  );
  const [first] = rows;
  if (!first) return false;
  const inOrder = [...rows].sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
  for (const [part, send] of [
    [inOrder.filter(isOfAlert), sendAlerts],
    [inOrder.filter(isOfTask), sendEnds],
  ] as const) {
    if (part.length === 0) continue;
    try {
      const ids = isOfTask(first) ? { taskId: first.content.task.id } : {};
      const sent = await spanned(context, { kind: 'channel', name: channel.name, ids }, () =>
        send(context, pool, channel, part as (OfAlert & OfTask)[]),
      );
      await pool.query(
        `update ${t.notice} set state = 'sent', settled_at = clock_timestamp(), error = null where id = any($1)`,
        [sent],
      );
    } catch (error) {
      await putOff(context, pool, part, error);
      context.log('warning', 'a channel could not send', {
        where: 'channel',
        channel: channel.name,
        ...(isOfTask(first) && { taskId: first.content.task.id }),
        error,
      });
    }
  }
  return true;
}

/** Gives the ids of those that were sent. */
async function sendEnds(
  context: TaskContext,
  pool: Pool,
  channel: Channel,
  rows: readonly OfTask[],
): Promise<string[]> {
  const { dispatch, theirs, dropped } = await dispatchOf(context, channel, rows);
  await drop(context, pool, dropped);
  if (dispatch) await inTime(async () => channel.send(dispatch, handed(context)));
  return dispatch ? theirs.map(({ id }) => id) : [];
}

/** The same of alerts, to whoever sees every task still. */
async function sendAlerts(
  context: TaskContext,
  pool: Pool,
  channel: Channel,
  rows: readonly OfAlert[],
): Promise<string[]> {
  const ids = rows.map(({ id }) => id);
  const { person, address, reason } = await recipientNow(context, channel, rows[0] as OfAlert);
  const isTheirs = person === null || tasksSeen(context.registry, person) === null;
  if (reason !== null || !isTheirs || !channel.alert) {
    await drop(
      context,
      pool,
      ids.map((id) => ({ id, reason: reason ?? notTheirs })),
    );
    return [];
  }
  const { alert } = channel;
  const [one, ...more] = rows.map(alertOf) as [Alert, ...Alert[]];
  const attempt = Math.max(...rows.map(({ attempts }) => attempts));
  await inTime(async () =>
    alert({ alerts: [one, ...more], person, address, attempt }, handed(context)),
  );
  return ids;
}

/** One from before it was kept what to do says nothing of it. */
function alertOf({ uid, content: { alert } }: OfAlert): Alert {
  return { id: uid, ...alert, remedy: alert.remedy ?? '', since: new Date(alert.since) };
}

const notTheirs = 'It is not theirs to see any more.';
const noAddress = 'They have no address.';

/** What goes to a recipient as they are now; null: nothing does. */
async function dispatchOf(
  context: TaskContext,
  channel: Channel,
  rows: readonly OfTask[],
): Promise<{ dispatch: Dispatch | null; theirs: OfTask[]; dropped: Dropped[] }> {
  const [first] = rows as [OfTask];
  const { person, address, reason: unreached } = await recipientNow(context, channel, first);
  const theirs = rows.filter(
    (row) => unreached === null && (person === null || sees(context, person, row)),
  );
  const reason = unreached ?? notTheirs;
  const [one, ...more] = theirs.map(noticeOf);
  return {
    dispatch: one
      ? {
          notices: [one, ...more],
          person,
          address,
          attempt: Math.max(...theirs.map(({ attempts }) => attempts)),
        }
      : null,
    theirs,
    dropped: rows.filter((row) => !theirs.includes(row)).map(({ id }) => ({ id, reason })),
  };
}

/** Whom it goes to, as they are now; `reason`: nothing does, and why. */
async function recipientNow(
  context: TaskContext,
  { reaches }: Channel,
  { person: asThen, recipient }: NoticeRow,
): Promise<{ person: Principal | null; address: string | null; reason: string | null }> {
  const person = asThen && (await context.people.findUser(recipient, asThen));
  if (asThen && !person) return { person: null, address: null, reason: notTheirs };
  const known = person ? (person.email ?? null) : recipient || null;
  const isUnreachable = person !== null && reaches === 'addresses' && known === null;
  const address = reaches === 'addresses' ? known : null;
  return { person, address, reason: isUnreachable ? noAddress : null };
}

function sees(
  context: TaskContext,
  person: Principal,
  { content: { task, launcher } }: OfTask,
): boolean {
  return seesTask(context, person, {
    resource: task.resource,
    operation: task.operation,
    principalId: launcher.id,
    principal: launcher,
  } as Parameters<typeof seesTask>[2]);
}

function noticeOf({ uid, content: { name, at, by, task } }: OfTask): Notice {
  return { id: uid, event: name, at: new Date(at), by, task };
}

interface Dropped {
  id: string;
  reason: string;
}

/** Leaves out what goes to nobody, and says why. */
async function drop(
  { db: { t } }: TaskContext,
  pool: Pool,
  dropped: readonly Dropped[],
): Promise<void> {
  const [first] = dropped;
  if (!first) return;
  await pool.query(
    `update ${t.notice} set state = 'dropped', settled_at = clock_timestamp(), error = $2 where id = any($1)`,
    [dropped.map(({ id }) => id), first.reason],
  );
}

async function putOff(
  { db: { t } }: TaskContext,
  pool: Pool,
  rows: readonly NoticeRow[],
  error: unknown,
): Promise<void> {
  const said = String(error).replaceAll('\0', '').slice(0, 1_000);
  await pool.query(
    `update ${t.notice} set error = $2, state = case when attempts >= ${maxAttempts} then 'given-up' else state end,
       settled_at = case when attempts >= ${maxAttempts} then clock_timestamp() end,
       due_at = clock_timestamp() + make_interval(secs => least(${maxWaitMs}, ${firstWaitMs} * 2 ^ (attempts - 1)) / 1000)
     where id = any($1) and state = 'waiting'`,
    [rows.map(({ id }) => id), said],
  );
}
