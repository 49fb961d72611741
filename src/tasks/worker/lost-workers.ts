import type { PoolClient } from 'pg';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { transaction } from '../../db/transaction.ts';
import { withSavepoint } from '../../db/with-savepoint.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql, isBusySql, isSilentSql } from '../liveness.ts';
import { countDeath } from './free-slots.ts';
import type { Judgement } from './judgement.ts';

export interface LostWorker {
  id: string;
  /** graphile-worker's, of what it was at. */
  poolId: string | null;
}

/** Workers that are dead, and those beside this one that hang. */
export async function listLost(
  { db }: TaskContext,
  judgement: Judgement,
  selfId: string | null = null,
): Promise<LostWorker[]> {
  const since = performance.now();
  const { rows } = await db.pages.query<LostWorker & { isAlive: boolean }>(
    `select worker.id, worker.pool_id as "poolId", ${isAliveSql} as "isAlive" from ${db.t.worker} worker
     where not ${isAliveSql} or (${isSilentSql} and worker.id is distinct from $1::uuid)`,
    [selfId],
  );
  if (performance.now() - since > judgement.maxAnswerMs) judgement.distrust();
  const isSound = judgement.isSound();
  return rows.filter(({ isAlive }) => !isAlive || isSound);
}

/** Longest that the server takes to end a process of its own. */
const endingMs = 2_000;

/**
 * Ends the connections of a worker, and with them its transactions and locks: those of one that is
 * dead may be in a statement still, those of one that hangs last until somebody does. `olderThanMs`:
 * only those whose transaction has lasted so long.
 */
export async function endConnections(
  client: PoolClient,
  { log }: TaskContext,
  workerId: string,
  olderThanMs = 0,
): Promise<void> {
  const isIts = `datname = current_database() and application_name = $1 and pid <> pg_backend_pid()
    and ($2::float8 = 0 or xact_start < clock_timestamp() - make_interval(secs => $2::float8 / 1000))`;
  const values = [workerId, olderThanMs];
  try {
    await withSavepoint(client, async () => {
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where ${isIts}`,
        values,
      );
      // Without that the transaction would see them as it did before.
      await client.query('select pg_stat_clear_snapshot()::text');
      await client.query(
        `select pg_terminate_backend(pid, ${endingMs}) from pg_stat_activity where ${isIts}`,
        values,
      );
    });
  } catch (error) {
    if (sqlstateOf(error) !== sqlstate.insufficientPrivilege) throw error;
    log(
      'warning',
      'the connections of a worker may not be ended by this role: what they lock stays locked for a while',
      {
        workerId,
      },
    );
  }
}

/**
 * Takes from workers whose main loop has stood still for longer than a chunk may take the bulk work
 * that they are at; what else they are at has limits of its own. Each lives on, and finds its slots
 * gone.
 */
export async function relieveBusy(context: TaskContext): Promise<void> {
  const { db, log } = context;
  const isHeld = (
    worker: string,
  ) => `slot.worker_id = ${worker}.id and task.id = slot.task_id and task.kind = 'bulk'
    and slot.taken_at < clock_timestamp() - make_interval(secs => ${worker}.busy_after_ms / 1000.0)`;
  const { rows } = await db.pages.query<{ id: string; busyAfterMs: number }>(
    `select worker.id, worker.busy_after_ms as "busyAfterMs" from ${db.t.worker} worker
     where ${isBusySql} and exists (select from ${db.t.task_slot} slot, ${db.t.task} task where ${isHeld('worker')})`,
  );
  for (const { id, busyAfterMs } of rows)
    await transaction(db.pages, async (client) => {
      const busy = await client.query(
        `select from ${db.t.worker} worker where id = $1 and ${isBusySql} for update skip locked`,
        [id],
      );
      if (busy.rowCount === 0) return;
      await endConnections(client, context, id, busyAfterMs);
      const freed = await client.query<{ task_id: number }>(
        `delete from ${db.t.task_slot} slot using ${db.t.worker} worker, ${db.t.task} task where worker.id = $1 and ${isHeld('worker')} returning slot.task_id`,
        [id],
      );
      const tasks = [...new Set(freed.rows.map((slot) => slot.task_id))].sort((a, b) => a - b);
      log(
        'warning',
        'a worker is busy for longer than a chunk may take: others go on with its bulk work',
        {
          workerId: id,
          tasks,
        },
      );
      for (const taskId of tasks) await countDeath(context, client, taskId);
    });
}
