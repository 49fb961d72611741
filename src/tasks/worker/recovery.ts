import type { PoolClient } from 'pg';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { transaction } from '../../db/transaction.ts';
import { inlineName, queueName } from '../../queue/backend.ts';
import { wakeFor } from '../call-for.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql, isSilentSql, noteWorkerEnd } from '../liveness.ts';
import { endEmptied } from '../own/children.ts';
import { seeToDue } from '../own/due.ts';
import { loseAttempt } from '../own/end-own.ts';
import { lapseRuns } from '../own/hard-limit.ts';
import { isPausedSql } from '../paused-queues.ts';
import { isBlocked, settle } from '../running/slots.ts';
import { unfinishedSql } from '../states.ts';
import type { OwnTask, TaskRow } from '../task-row.ts';
import { endLost, freeSlots, settleEnded } from './free-slots.ts';
import type { Wish } from './heed.ts';
import { type Judgement, sound } from './judgement.ts';
import { endConnections, type LostWorker, listLost, relieveBusy } from './lost-workers.ts';

/**
 * A task that nobody has been called for in this long, and nobody is at or still to come to, is
 * woken again.
 */
const forgottenMs = 30_000;

/** How often a worker writes down that it is there. */
const seenEvery = '5 seconds';

/**
 * Takes from workers that are dead or hang what they held: unlocks their wake-ups, frees their slots,
 * wakes their tasks. A worker is dead when its session no longer holds its advisory lock, which the
 * server drops within milliseconds of its end; it hangs when it has not said for so long that it is
 * there, whose connections are ended. Idempotent, safe to run anywhere at any time. Returns how many
 * were found.
 */
export async function recover(
  context: TaskContext,
  self?: Self,
  judgement: Judgement = sound,
): Promise<number> {
  const { db } = context;
  const lost = await listLost(context, judgement, self?.workerId);
  for (const worker of lost) await unlessHeld(context, worker.id, () => bury(context, worker));
  await unlessHeld(context, null, () => relieveBusy(context));
  const { rows: left } = await db.pages.query<{ id: string }>(
    `select distinct worker_id as id from ${db.t.task_slot} slot where not exists (select from ${db.t.worker} worker where worker.id = slot.worker_id)`,
  );
  for (const { id } of left)
    await unlessHeld(context, id, () =>
      transaction(db.pages, (client) => freeSlots(context, client, id, 'died')),
    );
  const parts = [
    () => sweep(context, self),
    () => callAgain(context),
    ...(self?.backends.includes(queueName) ? [() => adopt(context)] : []),
    () => endEmptied(context, db.pages),
    () => lapseRuns(context),
    () => seeToDue(context, db.pages),
  ];
  for (const part of parts) await unlessHeld(context, null, part);
  return lost.length;
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

/**
 * What somebody holds for too long is left to the next look; neither other workers nor other parts of
 * the look wait for it.
 *
 * @param workerId whose it was; null: nobody's in particular
 */
async function unlessHeld(
  { log }: TaskContext,
  workerId: string | null,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (sqlstateOf(error) !== sqlstate.lockNotAvailable) throw error;
    if (workerId === null) log('info', 'somebody holds what is looked after: later', { error });
    else log('warning', 'what a worker held is held by somebody else, too', { workerId });
  }
}

async function bury(context: TaskContext, { id, poolId }: LostWorker): Promise<void> {
  const { db } = context;
  await transaction(db.pages, async (client) => {
    // By its row, and not by its lock: who held that would be taken for the worker, alive again.
    const gone = await client.query<{ isSilent: boolean }>(
      `delete from ${db.t.worker} worker where id in (select id from ${db.t.worker} worker where id = $1 and (not ${isAliveSql} or ${isSilentSql}) for update skip locked)
       returning ${isAliveSql} as "isSilent"`,
      [id],
    );
    const [row] = gone.rows;
    if (!row) return endOld(client, context, id);
    // First: one that is frozen may hold what the rest would wait for.
    await endConnections(client, context, id);
    await noteWorkerEnd(client, db.t);
    if (poolId) await context.backends.queue.release(client, poolId);
    await freeSlots(context, client, id, row.isSilent ? 'hangs' : 'died');
  });
}

/** Where its row is locked, by itself as like as not: its transactions that have stood as long are ended. */
async function endOld(client: PoolClient, context: TaskContext, id: string): Promise<void> {
  const { rows } = await client.query<{ afterMs: number }>(
    `select stale_after_ms as "afterMs" from ${context.db.t.worker} worker where id = $1 and ${isSilentSql}`,
    [id],
  );
  if (rows[0]) await endConnections(client, context, id, rows[0].afterMs);
}

/** A worker of this process is done: what it should have given back by now is taken from it. */
export async function leave(context: TaskContext, id: string): Promise<void> {
  const { db } = context;
  await transaction(db.background, async (client) => {
    await client.query(`delete from ${db.t.worker} where id = $1`, [id]);
    await freeSlots(context, client, id, 'done');
  });
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
      `with seen as (
         update ${db.t.worker} set seen_at = clock_timestamp(), heartbeat_at = case when heartbeat_at is not null then clock_timestamp() end
         where id = $1 and (seen_at < clock_timestamp() - interval '${seenEvery}' or heartbeat_at < clock_timestamp() - make_interval(secs => stale_after_ms / 2000.0))
       ), left_over as (
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
