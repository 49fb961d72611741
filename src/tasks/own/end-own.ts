import type { Pool, PoolClient } from 'pg';
import { queryPrepared } from '../../db/prepared.ts';
import { raw, sql, statementOf } from '../../db/sql.ts';
import { transaction } from '../../db/transaction.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { StopReason } from '../../task-definitions/task-run.ts';
import {
  defaultRetryReason,
  TaskChildFailed,
  TaskGiveUp,
  TaskRetryLater,
} from '../../task-definitions/task-run.ts';
import { wakeFor } from '../call-for.ts';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import type { Lease } from '../running/lease.ts';
import { unfinishedSql } from '../states.ts';
import type { OwnTask } from '../task-row.ts';
import { wakeWaiting } from '../wake-waiting.ts';
import { endWithParts, unfinishedChildren } from './children.ts';
import { hardLimitMessage } from './hard-limit.ts';
import type { Hide } from './mask.ts';
import type { Awaited } from './named-calls.ts';

const maxMessageLength = 1_000;
const processEnded = 'The process that it ran in has ended, and nothing else takes it up.';
export const defaultAttempts = 3;
const defaultBackoff = { firstMs: 1_000, factor: 2, maxMs: 600_000 };

/** The process that a task ran in alone has ended without an end of its own. */
export class ProcessDied extends Error {}

/** What a run was, and whose task it is. */
interface Ended {
  definition: TaskDefinition | undefined;
}

/** A task, and what runs it. */
type Placed = Pick<OwnTask, 'id' | 'backend'>;

/**
 * The same as `succeed` in one statement, of a task that nobody has asked to stop or joined, no part
 * of which goes on and whose end launches none: what nearly every task is. Gives whether it was.
 */
export async function succeedAtOnce(
  context: TaskContext,
  pool: Pool,
  { taskId, slot, token }: Lease,
  result: unknown,
): Promise<boolean> {
  const { t } = context.db;
  const { rowCount } = await queryPrepared(
    pool,
    statementOf(sql`with held as (
       select id from ${raw(t.task)} task where id = ${taskId} and state = 'running' and on_finished is null and not is_joined
         and not exists (select from ${raw(t.task)} child where child.parent_id = ${taskId} and child.state in (${raw(unfinishedSql)})) for update
     ), gone as (
       delete from ${raw(t.task_slot)} using held where task_id = held.id and slot = ${slot} and token = ${token} and lapsed_token is null returning task_id
     ), ended as (
       update ${raw(t.task)} task set state = 'succeeded', result = ${result === undefined ? null : JSON.stringify(result)}, finished_at = clock_timestamp()
       from gone where task.id = gone.task_id returning task.id
     ), released as (
       delete from ${raw(t.lock_set)} where task_id in (select id from ended)
     )
     insert into ${raw(t.task_event)} (task_id, at, from_state, state) select id, clock_timestamp(), 'running', 'succeeded' from ended`),
  );
  if (rowCount === 0) return false;
  // Who began to wait while it ended has seen that it has, or is seen here.
  await wakeWaiting(pool, context, taskId);
  return true;
}

/**
 * Keeps what a run returned; nothing is written where its slot was another's by then, or where it
 * had run longer than it may.
 */
export async function succeed(
  context: TaskContext,
  pool: Pool,
  task: OwnTask,
  lease: Lease,
  { result, definition }: Ended & { result: unknown },
): Promise<void> {
  const { t } = context.db;
  await transaction(pool, async (client) => {
    const left = await letGo(client, context, lease);
    if (!left) return;
    if (left.isLapsed) return stopNow(client, context, task, definition, left);
    const children = await unfinishedChildren(client, t, lease.taskId);
    if (children.length > 0 && left.state !== 'cancelling')
      return waitFor(client, context, task, { children, failsFast: false });
    await client.query(`update ${t.task} set result = $2 where id = $1`, [
      lease.taskId,
      result === undefined ? null : JSON.stringify(result),
    ]);
    await moveTask(client, t, lease.taskId, 'succeeded');
    await wakeWaiting(client, context, lease.taskId);
  });
}

/**
 * What becomes of a task whose run threw: the stop that it was asked for, another attempt, or its
 * end.
 */
export async function endAttempt(
  context: TaskContext,
  pool: Pool,
  task: OwnTask,
  lease: Lease,
  {
    error,
    stop,
    definition,
    hide = (text) => text,
  }: Ended & { error: unknown; stop: StopReason | null; hide?: Hide },
): Promise<void> {
  await transaction(pool, async (client) => {
    const left = await letGo(client, context, lease);
    if (!left) return;
    if (left.state === 'cancelling') return stopNow(client, context, task, definition, left);
    if (stop === 'shutdown' || stop === 'paused')
      return putBack(client, context, task, 0, null, { isHandedOn: true });
    if (stop === 'soft-limit') {
      const failure = { reason: 'soft-limit', message: 'It did not stop in time of itself.' };
      return countFailure(client, context, task, definition, failure);
    }
    if (error instanceof TaskRetryLater)
      return putBack(client, context, task, error.afterMs, hide(error.message));
    if (error instanceof TaskChildFailed)
      return fail(client, context, lease.taskId, 'child-failed', hide(error.message));
    if (error instanceof TaskGiveUp)
      return fail(client, context, lease.taskId, 'gave-up', hide(error.message));
    const reason = error instanceof ProcessDied ? 'process-died' : 'error';
    const failure = { reason, message: hide(messageOf(error)), error };
    await countFailure(client, context, task, definition, failure);
  });
}

/** Its run goes on later, from its top and past what is kept. */
export async function suspend(
  context: TaskContext,
  pool: Pool,
  task: OwnTask,
  lease: Lease,
  { awaited, definition }: Ended & { awaited: Awaited },
): Promise<void> {
  await transaction(pool, async (client) => {
    const left = await letGo(client, context, lease);
    if (!left) return;
    if (left.state === 'cancelling') return stopNow(client, context, task, definition, left);
    if ('sleepsMs' in awaited) {
      const waitMs = Math.max(1, awaited.sleepsMs);
      return putBack(client, context, task, waitMs, null, { waitsFor: 'sleep' });
    }
    if ('children' in awaited) return waitFor(client, context, task, awaited);
    await putBack(client, context, task, 0, null);
    await waitBehind(client, context, lease.taskId, awaited.holder);
  });
}

/** Its run goes on when these have ended, or the first has not succeeded. */
async function waitFor(
  client: PoolClient,
  context: TaskContext,
  task: Placed,
  { children, failsFast }: Extract<Awaited, { children: unknown }>,
): Promise<void> {
  await putBack(client, context, task, 0, null);
  await client.query(
    `update ${context.db.t.task} set waits_for = 'children', awaits = $2, fails_fast = $3 where id = $1 and state in ('queued', 'paused')`,
    [task.id, children, failsFast],
  );
}

/** Its run was not called: it has not begun, and was no attempt and no start. */
async function waitBehind(
  client: PoolClient,
  { db: { t } }: TaskContext,
  taskId: number,
  holder: number,
): Promise<void> {
  await client.query(
    `with waiting as (
       update ${t.task} set waits_for = 'task', blocked_by = $2, reason = 'waiting', attempts = attempts - 1, started_at = null, rested_at = null
       where id = $1 and state in ('queued', 'paused') returning operation, rate_key
     )
     delete from ${t.task_start} where id = (select max(start.id) from ${t.task_start} start join waiting using (operation, rate_key))`,
    [taskId, holder],
  );
}

/** It may not run, or its parameters are none any more. */
export async function endRefused(
  context: TaskContext,
  pool: Pool,
  lease: Lease,
  reason: string,
  message: string,
): Promise<void> {
  await transaction(pool, async (client) => {
    if (await letGo(client, context, lease))
      await fail(client, context, lease.taskId, reason, message);
  });
}

/** Its worker is gone, and with it the run. */
export async function loseAttempt(
  client: PoolClient,
  context: TaskContext,
  task: Placed & Pick<OwnTask, 'operation' | 'state' | 'reason'>,
): Promise<void> {
  const definition = context.definitions.get(task.operation);
  if (task.state === 'cancelling') return stopNow(client, context, task, definition, task);
  if (!abilitiesOf(context, task).restart)
    return fail(client, context, task.id, 'worker-died', processEnded);
  const failure = { reason: 'worker-died', message: 'Its worker died while it ran.' };
  await countFailure(client, context, task, definition, failure);
}

/** One that was to stop has: past its hard limit an attempt failed, else it is cancelled. */
async function stopNow(
  client: PoolClient,
  context: TaskContext,
  task: Placed,
  definition: TaskDefinition | undefined,
  { reason }: Pick<OwnTask, 'reason'>,
): Promise<void> {
  if (reason === 'cancelled') return endWithParts(client, context, task.id, 'cancelled');
  // Else its end is decided, and waits for its parts.
  if (reason !== 'hard-limit') return;
  const isPaused = await wasPausing(client, context, task.id);
  const failure = { reason, message: hardLimitMessage, isPaused };
  await countFailure(client, context, task, definition, failure);
}

/** Had somebody paused it before it was to stop? */
async function wasPausing(
  client: PoolClient,
  { db: { t } }: TaskContext,
  taskId: number,
): Promise<boolean> {
  const { rows } = await client.query<{ before: string }>(
    `select from_state as before from ${t.task_event} where task_id = $1 and state = 'cancelling' order by id desc limit 1`,
    [taskId],
  );
  return rows[0]?.before === 'pausing';
}

/** An attempt failed: by an error of its own, its time, or with its worker. */
async function countFailure(
  client: PoolClient,
  context: TaskContext,
  task: Placed,
  definition: TaskDefinition | undefined,
  {
    reason,
    message,
    error,
    isPaused = false,
  }: { reason: string; message: string; error?: unknown; isPaused?: boolean },
): Promise<void> {
  const { t } = context.db;
  const { attempts = defaultAttempts, retryOn, backoff } = definition?.options ?? {};
  const { rows } = await client.query<{ failed: number }>(
    `update ${t.task} set failed_attempts = failed_attempts + 1 where id = $1 returning failed_attempts as failed`,
    [task.id],
  );
  const failed = rows[0]?.failed ?? attempts;
  // How often it may be tried is said where it is known: whoever takes it up asks that first.
  const isOver =
    (definition && failed >= attempts) ||
    !abilitiesOf(context, task).later ||
    (reason === 'error' && retryOn?.(error) === false);
  if (isOver) return fail(client, context, task.id, reason, message);
  const { firstMs, factor, maxMs } = { ...defaultBackoff, ...backoff };
  const waitMs = Math.min(maxMs, firstMs * factor ** (failed - 1));
  // Tasks that failed together are not tried again together.
  const laterMs = waitMs * (0.75 + Math.random() / 2);
  await putBack(client, context, task, laterMs, message, { isPaused });
}

/** Gives the slot back, and says how the task stood then. Null: the slot is another's. */
async function letGo(
  client: PoolClient,
  { db: { t } }: TaskContext,
  { taskId, slot, token }: Lease,
): Promise<(Pick<OwnTask, 'state' | 'reason'> & { isLapsed: boolean }) | null> {
  const { rows } = await client.query<Pick<OwnTask, 'state' | 'reason'>>(
    `select state, reason from ${t.task} where id = $1 for update`,
    [taskId],
  );
  const gone = await client.query<{ isLapsed: boolean }>(
    `delete from ${t.task_slot} where task_id = $1 and slot = $2 and coalesce(lapsed_token, token) = $3
     returning lapsed_token is not null as "isLapsed"`,
    [taskId, slot, token],
  );
  const [task] = rows;
  const [slotGone] = gone.rows;
  return task && slotGone ? { ...task, ...slotGone } : null;
}

async function fail(
  client: PoolClient,
  context: TaskContext,
  taskId: number,
  reason: string,
  message: string,
): Promise<void> {
  await endWithParts(client, context, taskId, 'failed', { reason, message: shownMessage(message) });
}

/** Back to the queue, at once or after a while; one that is to be paused waits until it is resumed. */
async function putBack(
  client: PoolClient,
  context: TaskContext,
  { id: taskId, backend }: Placed,
  waitMs: number,
  message: string | null,
  {
    waitsFor = 'attempt',
    isPaused = false,
    isHandedOn = false,
  }: {
    waitsFor?: NonNullable<OwnTask['waitsFor']>;
    isPaused?: boolean;
    /** Its worker stops: another goes on with it. */
    isHandedOn?: boolean;
  } = {},
): Promise<void> {
  const { t } = context.db;
  const can = abilitiesOf(context, { backend });
  if (!(isHandedOn ? can.restart : can.later))
    return fail(client, context, taskId, 'not-later', notLater(backend, message));
  const why = {
    reason: waitMs > 0 && waitsFor === 'attempt' ? 'tried-again' : undefined,
    message: message === null ? undefined : shownMessage(message),
  };
  if (isPaused || !(await moveTask(client, t, taskId, 'queued', why)))
    await moveTask(client, t, taskId, 'paused', why);
  await client.query(
    `update ${t.task} set rested_at = clock_timestamp(), waits_for = case when $2::float8 > 0 then $3 end,
       due_at = case when $2::float8 > 0 then clock_timestamp() + make_interval(secs => $2::float8 / 1000) end where id = $1`,
    [taskId, waitMs, waitsFor],
  );
  await wakeFor(client, context, backend, { kind: 'own', taskIds: [taskId], delayMs: waitMs });
}

function notLater(backend: string, message: string | null): string {
  const why = `It was to go on later, which the backend “${backend}” cannot.`;
  return message === null || message === defaultRetryReason ? why : `${why} ${message}`;
}

/** No column holds a NUL. */
function shownMessage(message: string): string {
  return message.replaceAll('\0', '').slice(0, maxMessageLength);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
