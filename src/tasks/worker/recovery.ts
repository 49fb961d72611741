import type { PoolClient } from 'pg';
import { transaction } from '../../db/transaction.ts';
import { inlineName, queueName } from '../../queue/backend.ts';
import { wakeFor } from '../call-for.ts';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql, noteWorkerEnd } from '../liveness.ts';
import { moveTask } from '../move-task.ts';
import { endEmptied } from '../own/children.ts';
import { seeToDue } from '../own/due.ts';
import { loseAttempt } from '../own/end-own.ts';
import { lapseRuns } from '../own/hard-limit.ts';
import { isPausedSql } from '../paused-queues.ts';
import { isBlocked, settle } from '../running/slots.ts';
import { isFinished, unfinishedSql } from '../states.ts';
import type { OwnTask, TaskRow } from '../task-row.ts';
import type { Wish } from './heed.ts';

/**
 * A task that nobody has been called for in this long, and nobody is at or still to come to, is
 * woken again.
 */
const forgottenMs = 30_000;

/** How often a worker writes down that it is there. */
const seenEvery = '5 seconds';

/**
 * Takes from dead workers what they held: unlocks their wake-ups, frees their slots, wakes their
 * tasks. A worker is dead when its session no longer holds its advisory lock, which the server
 * drops within milliseconds of its end. Idempotent, safe to run anywhere at any time. Returns how
 * many dead workers were found.
 */
export async function recover(context: TaskContext, self?: Self): Promise<number> {
  const { db } = context;
  const { rows: dead } = await db.pages.query<DeadWorker>(
    `select worker.id, worker.pool_id as "poolId" from ${db.t.worker} worker where not ${isAliveSql}`,
  );
  for (const worker of dead) await bury(context, worker);
  const { rows: left } = await db.pages.query<{ id: string }>(
    `select distinct worker_id as id from ${db.t.task_slot} slot where not exists (select from ${db.t.worker} worker where worker.id = slot.worker_id)`,
  );
  for (const { id } of left)
    await transaction(db.pages, (client) => freeSlots(context, client, id));
  await sweep(context, self);
  await callAgain(context);
  if (self?.backends.includes(queueName)) await adopt(context);
  await endEmptied(context, db.pages);
  await lapseRuns(context);
  await seeToDue(context, db.pages);
  return dead.length;
}

/** The worker that looks. */
export interface Self {
  workerId: string;
  tokens: ReadonlySet<string>;
  /** Backends whose tasks it runs. */
  backends: readonly string[];
  /** Hears what its row asks of it. */
  hear?(asked: Wish['asked']): void;
}

interface DeadWorker {
  id: string;
  /** graphile-worker's, of what it was at. */
  poolId: string | null;
}

async function bury(context: TaskContext, worker: DeadWorker): Promise<void> {
  const { db } = context;
  await transaction(db.pages, async (client) => {
    // By its row, and not by its lock: who held that would be taken for the worker, alive again.
    const gone = await client.query(
      `delete from ${db.t.worker} where id in (select id from ${db.t.worker} worker where id = $1 and not ${isAliveSql} for update skip locked)`,
      [worker.id],
    );
    if (gone.rowCount === 0) return;
    await noteWorkerEnd(client, db.t);
    if (worker.poolId) await context.backends.queue.release(client, worker.poolId);
    await freeSlots(context, client, worker.id);
  });
}

/** A worker of this process is done: what it should have given back by now is taken from it. */
export async function leave(context: TaskContext, id: string): Promise<void> {
  const { db } = context;
  await transaction(db.background, async (client) => {
    await client.query(`delete from ${db.t.worker} where id = $1`, [id]);
    await freeSlots(context, client, id, { isDone: true });
  });
}

/** The slots of a worker whose row is gone, of which it may have taken one just then. */
async function freeSlots(
  context: TaskContext,
  client: PoolClient,
  id: string,
  { isDone = false } = {},
): Promise<void> {
  const slots = await client.query<{ task_id: number }>(
    `delete from ${context.db.t.task_slot} where worker_id = $1 returning task_id`,
    [id],
  );
  const tasks = [...new Set(slots.rows.map((slot) => slot.task_id))].sort((a, b) => a - b);
  if (tasks.length > 0 || !isDone) context.log('warning', 'a worker died', { workerId: id, tasks });
  for (const taskId of tasks) await countDeath(context, client, taskId);
}

async function countDeath(context: TaskContext, client: PoolClient, taskId: number): Promise<void> {
  const { db, settings } = context;
  const { rows } = await client.query<
    Pick<TaskRow, 'kind' | 'backend' | 'operation' | 'state' | 'reason' | 'deaths'>
  >(
    `update ${db.t.task} task set deaths = deaths + 1, rested_at = case
         when exists (select 1 from ${db.t.task_slot} where task_id = task.id) then rested_at
         else coalesce((select max(finished_at) from ${db.t.chunk} where task_id = task.id), started_at) end
     where id = $1 and finished_at is null returning kind, backend, operation, state, reason, deaths`,
    [taskId],
  );
  const task = rows[0];
  if (!task) return settleEnded(context, client, taskId);
  if (task.kind === 'own') return loseAttempt(client, context, { id: taskId, ...task });
  // One that is to stop does, which is its end.
  if (!abilitiesOf(context, task).restart && task.state !== 'cancelling')
    return endLost(client, context, taskId);
  if (task.deaths >= settings.maxDeaths) {
    const message = `Its worker died ${task.deaths} times in a row. What was done before stays.`;
    await moveTask(client, db.t, taskId, 'failed', { reason: 'worker-died', message });
    return settle(client, context, taskId, 'failed');
  }
  await settle(client, context, taskId, task.state);
}

/** Nothing else takes it up. */
async function endLost(client: PoolClient, context: TaskContext, taskId: number): Promise<void> {
  const message =
    'The process that it ran in has ended, and nothing else takes it up. What was done before stays.';
  await moveTask(client, context.db.t, taskId, 'failed', { reason: 'worker-died', message });
  await settle(client, context, taskId, 'failed');
}

/** Sees to what comes with the end of a task, where it has ended and its worker has not. */
async function settleEnded(
  context: TaskContext,
  client: PoolClient,
  taskId: number,
): Promise<void> {
  const { rows } = await client.query<Pick<TaskRow, 'state'>>(
    `select state from ${context.db.t.task} where id = $1 for update`,
    [taskId],
  );
  if (rows[0] && isFinished(rows[0].state)) await settle(client, context, taskId, rows[0].state);
}

/**
 * Belt and braces: a wake-up that was lost, or a slot of ours whose release failed, must not leave
 * a task standing.
 */
async function sweep(context: TaskContext, self?: Self): Promise<void> {
  const { db } = context;
  if (self) {
    // By the same statement it says now and then that it is there, and reads what it is asked.
    const { rows } = await db.pages.query<{ ids: number[]; asked: Wish['asked'] }>(
      `with seen as (update ${db.t.worker} set seen_at = clock_timestamp() where id = $1 and seen_at < clock_timestamp() - interval '${seenEvery}'), left_over as (
         delete from ${db.t.task_slot} where worker_id = $1 and coalesce(lapsed_token, token) <> all($2::uuid[]) and taken_at < now() - interval '1 minute'
         returning task_id
       )
       select array(select task_id from left_over) as ids, (select asked from ${db.t.worker} where id = $1) as asked`,
      [self.workerId, [...self.tokens]],
    );
    self.hear?.(rows[0]?.asked ?? null);
    for (const id of rows[0]?.ids ?? [])
      await transaction(db.pages, (client) => settleEnded(context, client, id));
  }
  const { rows } = await db.pages.query<{ id: number }>(
    `select id from ${db.t.task} task where state in ('queued', 'preparing', 'running', 'pausing', 'cancelling')
       and not exists (select 1 from ${db.t.task_slot} where task_id = task.id)
       and (kind = 'bulk' or state <> 'queued' or backend = '${inlineName}') and coalesce(woken_at, queued_at, created_at) < now() - make_interval(secs => $1)
       and (state not in ('queued', 'preparing', 'running') or backend <> 'queue' or not ${context.backends.queue.isCalledSql('task.id')})
       and not ${isPausedSql(db.t)} and not ${isLeftSql(context)}`,
    [forgottenMs / 1000, lasting(context)],
  );
  for (const { id } of rows) {
    await transaction(db.pages, async (client) => {
      const locked = await client.query<
        Pick<OwnTask, 'operation' | 'state' | 'reason'> & Pick<TaskRow, 'kind' | 'backend'>
      >(
        `select kind, backend, operation, state, reason from ${db.t.task} task where id = $1 and finished_at is null
           and not exists (select 1 from ${db.t.task_slot} where task_id = task.id) for update skip locked`,
        [id],
      );
      const [task] = locked.rows;
      if (task?.kind === 'own') await loseAttempt(client, context, { id, ...task });
      else if (task?.backend === inlineName) await endLost(client, context, id);
      else if (task) await settle(client, context, id, task.state);
    });
  }
}

/** Own tasks that are due, of backends of the project's own: their calls may have been lost. */
async function callAgain(context: TaskContext): Promise<void> {
  const { db, backends } = context;
  const own = backends.names.filter((name) => backends.isOwn(name));
  if (own.length === 0) return;
  const { rows } = await db.pages.query<{ id: number; backend: string }>(
    `update ${db.t.task} task set woken_at = now() where kind = 'own' and state = 'queued' and backend = any($1)
       and (due_at is null or due_at <= clock_timestamp()) and not ${isBlocked(context)} and not ${isPausedSql(db.t)}
       and coalesce(woken_at, queued_at, created_at) < now() - make_interval(secs => $2)
     returning id, backend`,
    [own, forgottenMs / 1000],
  );
  for (const { id, backend } of rows)
    await transaction(db.pages, (client) =>
      wakeFor(client, context, backend, { kind: 'own', taskIds: [id] }),
    );
}

/**
 * The queue takes up what nobody else will: tasks of a backend that is chosen no more, or for whose
 * process no other has come.
 */
async function adopt(context: TaskContext): Promise<void> {
  const { db } = context;
  const { rows } = await db.pages.query<{ id: number; kind: TaskRow['kind'] }>(
    `update ${db.t.task} task set backend = '${queueName}', woken_at = now()
     where state in (${unfinishedSql}) and ${isLeftSql(context)} and not exists (select 1 from ${db.t.task_slot} where task_id = task.id)
       and coalesce(woken_at, queued_at, created_at) < now() - make_interval(secs => $1)
     returning id, kind`,
    [forgottenMs / 1000, lasting(context)],
  );
  for (const { id, kind } of rows)
    await transaction(db.pages, (client) =>
      wakeFor(client, context, queueName, { kind, taskIds: [id] }),
    );
}

/** Backends whose tasks wait for their workers, however long. */
function lasting({ backends }: TaskContext): string[] {
  return [queueName, inlineName, ...backends.names.filter((name) => backends.isOwn(name))];
}

/**
 * Is a task's backend none of those, which are the second value of the statement, and nobody there to
 * run its tasks? For rows `task`.
 */
function isLeftSql({ db: { t } }: TaskContext): string {
  return `(backend <> all($2) and not exists (select from ${t.worker} worker where task.backend = any(worker.backends) and ${isAliveSql}))`;
}
