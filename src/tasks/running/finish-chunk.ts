import type { TableNames } from '../../db/names.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { raw, type Sql, shared, sql, statementOf } from '../../db/sql.ts';
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
  const statement = statementOf(
    finishSql(t, {
      taskId: sql`${taskId}::int`,
      number: sql`${number}::int`,
      added: sql`${added}::int`,
      durationMs: sql`${durationMs}::float8`,
      stopRatio: sql`${stopRatio}::float8`,
      altered: sql`${altered}::int`,
      lease: lease && { slot: sql`${lease.slot}::int`, token: sql`${lease.token}::uuid` },
      ...countsOf(outcome),
    }),
  );
  type Row = { state: TaskState; isWaitedFor: boolean };
  const { rows } = await (lease
    ? queryPrepared<Row>(client, statement)
    : client.query<Row>(statement.text, statement.values));
  return rows[0] ?? null;
}

const counted = ['changed', 'unchanged', 'failed', 'gone', 'conflicted', 'keptBack'] as const;
type ChunkCounts = Readonly<Record<(typeof counted)[number], Sql>>;

function countsOf(outcome: ChunkOutcome): ChunkCounts {
  const counts = counted.map((name) => [name, sql`${outcome[name]}::int`]);
  return Object.fromEntries(counts) as ChunkCounts;
}

/** As `FinishedChunk`, each as SQL. */
interface FinishParts extends ChunkCounts {
  taskId: Sql;
  number: Sql;
  added: Sql;
  durationMs: Sql;
  stopRatio: Sql;
  altered: Sql;
  lease: { slot: Sql; token: Sql } | null;
}

/** What `finishChunk` sends: one row of the task's state and `isWaitedFor`, or none. */
export function finishSql(t: TableNames, { lease, ...parts }: FinishParts): Sql {
  const given = Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [name, shared(part)]),
  ) as Omit<FinishParts, 'lease'>;
  const { taskId, number, added, durationMs, stopRatio, altered } = given;
  const { changed, unchanged, failed, gone, conflicted, keptBack } = given;
  const task = raw(t.task);
  const isOurs = lease
    ? sql`exists (select 1 from ${raw(t.task_slot)} where task_id = ${taskId} and slot = ${lease.slot} and token = ${lease.token})`
    : sql`true`;
  return sql`with marked as (
     update ${raw(t.chunk)} set state = 'done', changed = ${changed}, unchanged = ${unchanged}, failed = ${failed}, gone = ${gone}, conflicted = ${conflicted},
       kept_back = ${keptBack}, finished_at = clock_timestamp(), duration_ms = ${durationMs} where task_id = ${taskId} and number = ${number}
   ), sums as (
     select id, chunk_count + ${added} - chunks_done - 1 as left_over,
       done + ${changed} + ${unchanged} + ${failed} + ${gone} + ${conflicted} + ${keptBack} as done, changed + ${changed} as changed,
       unchanged + ${unchanged} as unchanged, failed + ${failed} as failed, gone + ${gone} as gone, conflicted + ${conflicted} as conflicted,
       kept_back + ${keptBack} as kept_back, failed + kept_back + ${failed} + ${keptBack} as refused
     from ${task} where id = ${taskId} and state = 'running' and ${isOurs}
     for update
   ), judged as (
     select *, left_over > 0 and done >= ${raw(String(stopAfter))} and refused > ${stopRatio} * done as is_stopped from sums
   ), counted as (
     update ${task} task set chunk_count = task.chunk_count + ${added}, chunks_done = task.chunks_done + 1, done = judged.done,
       changed = judged.changed, unchanged = judged.unchanged, failed = judged.failed, gone = judged.gone,
       conflicted = judged.conflicted, kept_back = judged.kept_back, altered = task.altered + ${altered}, deaths = 0,
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
     insert into ${raw(t.task_event)} (task_id, at, from_state, state, reason)
     select ${taskId}, clock_timestamp(), 'running', state, reason from counted where state <> 'running'
   ), released as (
     delete from ${raw(t.lock_set)} where task_id = ${taskId} and exists (select from counted where state <> 'running')
   )
   select state, exists (
     select 1 from pg_locks waiting where waiting.locktype = 'transactionid' and not waiting.granted
       and waiting.transactionid = pg_current_xact_id()::xid
   ) as "isWaitedFor" from counted`;
}
