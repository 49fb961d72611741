import type { Queryable } from '../db/transaction.ts';
import type { TableNames } from '../db/names.ts';
import type { ChunkOutcome } from './apply-isolated.ts';
import { keepFailures } from './failures.ts';
import type { Lease } from './freeze.ts';
import type { TaskState } from './states.ts';

/** Keeps what happened to a chunk: marks it done (which releases its records) and writes down refusals. */
export async function markChunkDone(
  client: Queryable,
  t: TableNames,
  taskId: number,
  number: number,
  outcome: ChunkOutcome,
  startedAt: number,
): Promise<void> {
  await client.query(
    `update ${t.chunk} set state = 'done', changed = $3, unchanged = $4, failed = $5, gone = $6, conflicted = $7,
       finished_at = clock_timestamp(), duration_ms = $8 where task_id = $1 and number = $2`,
    [taskId, number, outcome.changed, outcome.unchanged, outcome.failed, outcome.gone, outcome.conflicted, performance.now() - startedAt],
  );
  await keepFailures(client, t, taskId, number, outcome);
}

/**
 * The last statement of a chunk's transaction: adds its counts to the task where the task is running and this drain
 * still has its slot. Null means neither, and the caller rolls back. Whoever makes chunks_done equal chunk_count
 * writes the final state here; two drains looking at each other's last chunk would both leave it unfinished.
 */
export async function countChunk(
  client: Queryable,
  t: TableNames,
  taskId: number,
  outcome: ChunkOutcome,
  lease: Lease | null,
): Promise<TaskState | null> {
  const { rows } = await client.query<{ state: TaskState }>(
    `with counted as (
       update ${t.task} set chunks_done = chunks_done + 1, done = done + $2 + $3 + $4 + $5 + $8, changed = changed + $2,
         unchanged = unchanged + $3, failed = failed + $4, gone = gone + $5, conflicted = conflicted + $8, deaths = 0,
         state = case when chunks_done + 1 < chunk_count then state
           when failed + $4 + conflicted + $8 = 0 then 'succeeded' when changed + $2 > 0 then 'partial' else 'failed' end,
         reason = case when chunks_done + 1 = chunk_count and failed + $4 > 0 then 'records-refused' else reason end,
         finished_at = case when chunks_done + 1 = chunk_count then clock_timestamp() end
       where id = $1 and state = 'running'
         and ($6::int is null or exists (select 1 from ${t.task_slot} where task_id = $1 and slot = $6 and token = $7::uuid))
       returning state, reason
     ), told as (
       insert into ${t.task_event} (task_id, at, from_state, state, reason)
       select $1, clock_timestamp(), 'running', state, reason from counted where state <> 'running'
     )
     select state from counted`,
    [
      taskId,
      outcome.changed,
      outcome.unchanged,
      outcome.failed,
      outcome.gone,
      lease?.slot ?? null,
      lease?.token ?? null,
      outcome.conflicted,
    ],
  );
  return rows[0]?.state ?? null;
}
