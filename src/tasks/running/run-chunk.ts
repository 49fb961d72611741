import type { Pool } from 'pg';
import { blame } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { withIds } from '../../log/ids.ts';
import type { ApplyTarget, Operation, Rewriting } from '../../operations/contract.ts';
import { RecordsRefused } from '../../operations/refusals/records-refused.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import type { TaskRow } from '../task-row.ts';
import { applyAll, applyIsolated, type ChunkOutcome } from './apply-isolated.ts';
import { chunkTransaction } from './chunk-transaction.ts';
import { type Claimed, claimChunk } from './claim-chunk.ts';
import { keepFailures } from './failures.ts';
import { finishChunk } from './finish-chunk.ts';
import { failTask, type Lease } from './lease.ts';
import type { Loop } from './loop-in-server.ts';
import { nextPace, type Pace, wholeTask } from './pace.ts';
import { TaskRefused } from './task-refused.ts';
import { writeCalls } from './write-calls.ts';

/**
 * none-left: nothing to claim; stopped: the task is not running any more, or the slot is lost;
 * finished: that was the last.
 */
export type ChunkResult = 'done' | 'finished' | 'none-left' | 'stopped';

export interface Running {
  task: TaskRow;
  resource: Resource;
  operation: Operation;
  rewriting: Rewriting;
  lease: Lease;
  /** Steered by every chunk. */
  pace: Pace;
  /** Null: each chunk is done by round trips. */
  loop: Loop | null;
  /** As `ApplyTarget` has it. */
  keepsByColumn: boolean;
  /** Number of the one that it is at, or was, and how many records it has. */
  chunk?: number;
  rows?: number;
}

/**
 * Claims one chunk, changes its records, and commits it with its counts: exactly once or not at
 * all, whatever dies when.
 */
export async function runChunk(
  context: TaskContext,
  pool: Pool,
  running: Running,
): Promise<ChunkResult> {
  try {
    return await inTransaction(context, pool, running);
  } catch (error) {
    if (error instanceof TaskRefused) return failWhole(context, pool, running, error.outcome);
    // A chunk is tried whole and without savepoints first; where a row is to blame, again and
    // carefully.
    if (running.pace.isCareful || !(error instanceof RecordsRefused || blame(error) === 'row'))
      throw error;
    running.pace = { ...running.pace, isCareful: true };
    return runChunk(context, pool, running);
  }
}

async function inTransaction(
  context: TaskContext,
  pool: Pool,
  running: Running,
): Promise<ChunkResult> {
  const { task, resource } = running;
  const startedAt = performance.now();
  let isClaimed = false;
  const finished = await chunkTransaction(context, pool, running, async (client, tx) => {
    const claimed = await claimChunk(client, context.db.t, task.id, maxRowsOf(running));
    isClaimed = claimed !== null;
    if (claimed) {
      running.chunk = claimed.number;
      running.rows = claimed.keys.length;
    }
    const done =
      claimed &&
      (await withIds({ chunk: claimed.number }, () =>
        work(context, client, tx, running, claimed, startedAt),
      ));
    return done && { ...done, rows: claimed.keys.length };
  });
  if (!finished) return isClaimed ? 'stopped' : 'none-left';
  const { isWaitedFor, outcome, state, rows } = finished;
  const times = {
    rows,
    tookMs: performance.now() - startedAt,
    isWaitedFor,
    wasRefused: outcome.failed + outcome.keptBack > 0,
  };
  context.meters.chunk(outcome, times.tookMs);
  running.pace = nextPace(running.pace, times, context.settings.chunkTargetMs, resource.chunkSize);
  if (isWaitedFor) await rest(times.tookMs);
  return state === 'running' ? 'done' : 'finished';
}

/** Lets the waiting transaction go first. */
export async function rest(tookMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.min(tookMs, 100)));
}

/** Records of the next chunk. What takes too long together goes in parts after all. */
function maxRowsOf({ task, operation, pace }: Running): number {
  if (task.isAtomic) return wholeTask;
  const { together = 0 } = operation;
  return (task.total ?? 0) <= together && task.deaths === 0
    ? Math.max(together, pace.rows)
    : pace.rows;
}

async function work(
  context: TaskContext,
  client: Queryable,
  tx: Client | null,
  running: Running,
  claimed: Claimed,
  startedAt: number,
) {
  const { task, resource, operation, lease, pace } = running;
  const target = targetOf(context, tx, running, claimed.number);
  const altered = await operation.watch?.(client, target, claimed.keys, task.parameters);
  const outcome = await (pace.isCareful || tx ? applyIsolated : applyAll)(
    client,
    operation,
    target,
    claimed.keys,
    task.parameters,
  );
  if (task.isAtomic && outcome.failed + outcome.keptBack > 0) throw new TaskRefused(outcome);
  const counted = await finishChunk(client, context.db.t, {
    taskId: task.id,
    number: claimed.number,
    added: claimed.added,
    outcome,
    alterations: (await altered?.()) ?? [],
    durationMs: performance.now() - startedAt,
    lease,
    stopRatio: task.stopRatio ?? resource.stopRatio ?? context.settings.stopRatio,
  });
  return counted && { ...counted, outcome };
}

export function targetOf(
  context: TaskContext,
  tx: Client | null,
  { task, resource, rewriting, lease, keepsByColumn }: Running,
  chunk: number,
): ApplyTarget {
  const { db, log } = context;
  const { id: taskId, principal, principalId, principalName, changeReason } = task;
  const author = { taskId, chunk, principalId, principalName, changeReason };
  return {
    resource,
    t: db.t,
    serverVersion: db.version,
    rewriting,
    keepsByColumn,
    author,
    log,
    through: tx && {
      tx,
      principal,
      calls: writeCalls(context, { tx, principal, resource: resource.slug, task, lease }),
      log,
    },
  };
}

/** All or nothing: what was refused is named, and everything else is as it was. */
async function failWhole(
  context: TaskContext,
  pool: Pool,
  { task, lease }: Running,
  outcome: ChunkOutcome,
): Promise<ChunkResult> {
  const { t } = context.db;
  await transaction(pool, async (client) => {
    const { failed, keptBack } = outcome;
    const message = `${failed + keptBack} of ${task.total} records were refused, so nothing was changed.`;
    if (!(await failTask(client, t, lease, { reason: 'records-refused', message }))) return;
    await keepFailures(client, t, task.id, 0, outcome);
    await client.query(
      `update ${t.task} set failed = $2, kept_back = $3, done = $2::int + $3::int where id = $1`,
      [task.id, failed, keptBack],
    );
  });
  return 'finished';
}
