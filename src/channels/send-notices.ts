import type { Pool } from 'pg';
import type { Principal } from '../auth/principal.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import type { Outbox, TaskContext } from '../tasks/context.ts';
import { handed, inTime } from '../tasks/hooks/deliver.ts';
import { seesTask } from '../tasks/who-sees.ts';
import type { Channel, Dispatch, Notice } from './contract.ts';

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
  content: {
    name: TaskEvent['name'];
    at: string;
    by: TaskEvent['by'];
    task: TaskEvent['task'];
    launcher: Principal;
  };
  attempts: number;
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
      const { rows } = await pool.query<{ id: number }>(
        `select distinct task_id as id from ${contextOf().db.t.notice} where channel = $1 and ${isDueSql}`,
        [channel.name],
      );
      return rows.map(({ id }) => `${channel.name} of task ${id}`);
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
  try {
    const { dispatch, theirs, dropped } = await dispatchOf(context, channel, inOrder);
    await drop(context, pool, dropped);
    if (!dispatch) return true;
    await inTime(async () => channel.send(dispatch, handed(context)));
    await pool.query(
      `update ${t.notice} set state = 'sent', settled_at = clock_timestamp(), error = null where id = any($1)`,
      [theirs.map(({ id }) => id)],
    );
  } catch (error) {
    await putOff(context, pool, inOrder, error);
    context.log('warning', 'a channel could not send', {
      channel: channel.name,
      recipient: first.recipient,
      taskId: first.content.task.id,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
  return true;
}

const notTheirs = 'It is not theirs to see any more.';
const noAddress = 'They have no address.';

/** What goes to a recipient as they are now; null: nothing does. */
async function dispatchOf(
  context: TaskContext,
  { reaches }: Channel,
  rows: readonly NoticeRow[],
): Promise<{ dispatch: Dispatch | null; theirs: NoticeRow[]; dropped: Dropped[] }> {
  const [first] = rows as [NoticeRow];
  const isPerson = first.person !== null;
  const person = first.person && (await context.people.findUser(first.recipient, first.person));
  const address = isPerson ? (person?.email ?? null) : first.recipient || null;
  const isUnreachable = person !== null && reaches === 'addresses' && address === null;
  const theirs = rows.filter(
    (row) => !isPerson || (person !== null && !isUnreachable && sees(context, person, row)),
  );
  const reason = isUnreachable ? noAddress : notTheirs;
  const [one, ...more] = theirs.map(noticeOf);
  return {
    dispatch: one
      ? {
          notices: [one, ...more],
          person,
          address: reaches === 'addresses' ? address : null,
          attempt: Math.max(...theirs.map(({ attempts }) => attempts)),
        }
      : null,
    theirs,
    dropped: rows.filter((row) => !theirs.includes(row)).map(({ id }) => ({ id, reason })),
  };
}

function sees(
  context: TaskContext,
  person: Principal,
  { content: { task, launcher } }: NoticeRow,
): boolean {
  return seesTask(context, person, {
    resource: task.resource,
    operation: task.operation,
    principalId: launcher.id,
    principal: launcher,
  } as Parameters<typeof seesTask>[2]);
}

function noticeOf({ uid, content: { name, at, by, task } }: NoticeRow): Notice {
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
