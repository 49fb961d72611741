import type { Pool, PoolClient } from 'pg';
import type { Operation } from '../operations/contract.ts';
import type { Resource } from '../resources/contract.ts';
import { applyIsolated } from './apply-isolated.ts';
import type { TaskContext } from './context.ts';
import { countChunk, markChunkDone } from './finish-chunk.ts';
import type { Lease } from './freeze.ts';
import type { TaskRow } from './task-row.ts';

/** none-left: nothing to claim; stopped: the task is not running any more, or the slot is lost; finished: that was the last. */
export type ChunkResult = 'done' | 'finished' | 'none-left' | 'stopped';

export interface Running {
  task: TaskRow;
  resource: Resource;
  operation: Operation;
  lease: Lease;
}

/** Claims one chunk, changes its records, and commits it with its counts: exactly once or not at all, whatever dies when. */
export async function runChunk(ctx: TaskContext, pool: Pool, running: Running): Promise<ChunkResult> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    const result = await inTransaction(ctx, client, running);
    await client.query(result === 'done' || result === 'finished' ? 'commit' : 'rollback');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {
      isBroken = true;
    });
    throw error;
  } finally {
    client.release(isBroken);
  }
}

async function inTransaction(ctx: TaskContext, client: PoolClient, { task, resource, operation, lease }: Running): Promise<ChunkResult> {
  const { db, settings } = ctx;
  const startedAt = performance.now();
  // Records are always reached by key here; a plan that reads the whole table per chunk would be a plan gone wrong.
  await client.query(
    `begin isolation level read committed; set local enable_seqscan = off; set local statement_timeout = ${settings.statementTimeoutMs};
     set local lock_timeout = ${settings.lockTimeoutMs}; set local idle_in_transaction_session_timeout = ${settings.statementTimeoutMs}`,
  );
  const { rows } = await client.query<{ number: number; keys: string[] }>(
    `select number, keys from ${db.t.chunk} where task_id = $1 and state = 'active'
     order by first_key limit 1 for update skip locked`,
    [task.id],
  );
  const chunk = rows[0];
  if (!chunk) return 'none-left';
  const target = {
    resource,
    t: db.t,
    serverVersion: db.version,
    author: {
      taskId: task.id,
      chunk: chunk.number,
      principalId: task.principalId,
      principalName: task.principalName,
      changeReason: task.changeReason,
    },
  };
  const outcome = await applyIsolated(client, operation, target, chunk.keys, task.parameters);
  await markChunkDone(client, db.t, task.id, chunk.number, outcome, startedAt);
  const state = await countChunk(client, db.t, task.id, outcome, lease);
  if (state === null) return 'stopped';
  return state === 'running' ? 'done' : 'finished';
}
