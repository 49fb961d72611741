import type { TableNames } from '../../db/names.ts';
import { queryPrepared } from '../../db/prepared.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { Alteration } from '../../operations/contract.ts';
import type { TaskState } from '../states.ts';
import { keepAlterations } from './alterations.ts';
import type { ChunkOutcome } from './apply-isolated.ts';
import { keepFailures } from './failures.ts';
import type { Lease } from './lease.ts';

export interface FinishedChunk {
  taskId: number;
  number: number;
  /** How many chunks it was cut into when it was claimed, less one. */
  added: number;
  outcome: ChunkOutcome;
  /** What triggers made of records that were put back. */
  alterations?: readonly Alteration[];
  durationMs: number;
  /** Null: inline, without a runner. */
  lease: Lease | null;
  /** Above this share of refused records, once `stopAfter` are done, the task stops itself. */
  stopRatio: number;
}

/** Records after which the stop rule is asked. */
const stopAfter = 1_000;

/**
 * The last statement of a chunk's transaction: marks it done, which releases its records, and adds
 * its counts to the task where the task is running and this runner still has its slot. Null means
 * neither, and the caller rolls back. Whoever makes chunks_done equal chunk_count writes the final
 * state here; two runners looking at each other's last chunk would both leave it unfinished.
 */
export async function finishChunk(
  client: Queryable,
  t: TableNames,
  { taskId, number, added, outcome, alterations = [], durationMs, lease, stopRatio }: FinishedChunk,
): Promise<{ state: TaskState; isWaitedFor: boolean } | null> {
  await keepFailures(client, t, taskId, number, outcome);
  const altered = await keepAlterations(client, t, taskId, number, alterations);
  const { changed, unchanged, failed, gone, conflicted, keptBack } = outcome;
  const statement = `with marked as (
     update ${t.chunk} set state = 'done', changed = $3, unchanged = $4, failed = $5, gone = $6, conflicted = $7, kept_back = $13,
       finished_at = clock_timestamp(), duration_ms = $8 where task_id = $1 and number = $2
   ), sums as (
     select id, chunk_count + $9::int - chunks_done - 1 as left_over, done + $3 + $4 + $5 + $6 + $7 + $13 as done, changed + $3 as changed,
       unchanged + $4 as unchanged, failed + $5 as failed, gone + $6 as gone, conflicted + $7 as conflicted,
       kept_back + $13 as kept_back, failed + kept_back + $5 + $13 as refused
     from ${t.task} where id = $1 and state = 'running'
       and ($10::int is null or exists (select 1 from ${t.task_slot} where task_id = $1 and slot = $10 and token = $11::uuid))
     for update
   ), judged as (
     select *, left_over > 0 and done >= ${stopAfter} and refused > $12::float8 * done as is_stopped from sums
   ), counted as (
     update ${t.task} task set chunk_count = task.chunk_count + $9::int, chunks_done = task.chunks_done + 1, done = judged.done,
       changed = judged.changed, unchanged = judged.unchanged, failed = judged.failed, gone = judged.gone,
       conflicted = judged.conflicted, kept_back = judged.kept_back, altered = task.altered + $14::int, deaths = 0,
       state = case when is_stopped then 'failed' when left_over > 0 then task.state
         when judged.refused + judged.conflicted = 0 then 'succeeded' when judged.changed > 0 then 'partial' else 'failed' end,
       reason = case when is_stopped then 'too-many-refused' when left_over > 0 then task.reason
         when judged.refused > 0 then 'records-refused' when judged.conflicted > 0 then 'records-held' end,
       message = case when is_stopped then format('It stopped itself: %s of %s records were refused. What was changed before stays.',
         to_char(judged.refused, 'FM999,999,999,990'), to_char(judged.done, 'FM999,999,999,990')) else task.message end,
       finished_at = case when is_stopped or left_over = 0 then clock_timestamp() end
     from judged where task.id = judged.id
     returning task.state, task.reason
   ), event as (
     insert into ${t.task_event} (task_id, at, from_state, state, reason)
     select $1, clock_timestamp(), 'running', state, reason from counted where state <> 'running'
   ), released as (
     delete from ${t.lock_set} where task_id = $1 and exists (select from counted where state <> 'running')
   )
   select state, exists (
     select 1 from pg_locks waiting where waiting.locktype = 'transactionid' and not waiting.granted
       and waiting.transactionid = pg_current_xact_id()::xid
   ) as "isWaitedFor" from counted`;
  const values = [
    taskId,
    number,
    changed,
    unchanged,
    failed,
    gone,
    conflicted,
    durationMs,
    added,
    lease?.slot ?? null,
    lease?.token ?? null,
    stopRatio,
    keptBack,
    altered,
  ];
  type Row = { state: TaskState; isWaitedFor: boolean };
  const { rows } = await (lease
    ? queryPrepared<Row>(client, { text: statement, values })
    : client.query<Row>(statement, values));
  return rows[0] ?? null;
}
