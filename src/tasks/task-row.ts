import type { Principal } from '../auth/principal.ts';
import type { TableNames } from '../db/names.ts';
import type { WritePath } from '../operations/write-path.ts';
import type { Where } from '../resources/client.ts';
import { aliveWorkersSql, type WorkerFor, workerForSql } from './liveness.ts';
import { queuePauseSql } from './paused-queues.ts';
import type { Overlap } from './run-options.ts';
import type { TaskState } from './states.ts';

/**
 * Which records a task is about: what somebody selected, what code asks for (`where`), or what the
 * task it follows refused (`code`: for this reason only) or changed (`keys`: of these only).
 */
export interface TaskSelection {
  kind: 'ticked' | 'matching' | 'where' | 'refused' | 'changed';
  filter: string;
  keys?: readonly string[];
  exclusions?: readonly string[];
  /** Of Prisma's, as plain JSON, without the row scope, which is added when it is frozen. */
  where?: Where;
  /** Nobody was shown them before. */
  isByCode?: true;
  /** ISO timestamp from which the filter counts back: when it was previewed. */
  asOf?: string;
  code?: string | null;
}

/** A task as the pages and the engine read it: one run of an operation, or one of the project's. */
export type TaskRow = BulkTask | OwnTask;

/** An operation on records of one resource, done chunk by chunk. */
export interface BulkTask extends AnyTask {
  kind: 'bulk';
  resource: string;
  model: string;
  /** Without the keys of a selection and its `where`, which may be long. */
  selection: TaskSelection;
}

/** A task of the project's own, whose code is called; it is about no records but those it locks. */
export interface OwnTask extends AnyTask {
  kind: 'own';
  resource: null;
  model: null;
  selection: null;
}

interface AnyTask {
  id: number;
  operationId: string | null;
  /**
   * Name of the operation: of this version, another one's, or the project's own. Of an own task:
   * of its definition.
   */
  operation: string;
  title: string;
  /** Name of what runs it: `queue`, `in-process`, `inline`, or the project's own. */
  backend: string;
  principalId: string;
  principalName: string;
  principal: Principal;
  parameters: unknown;
  /** Of an own task: parts of its parameters are secret, and masked here. */
  hasSecrets: boolean;
  /** Of an own task: which version of its definition they are of. */
  parametersVersion: number;
  /** What the code that launched it keeps with it, as plain JSON. */
  meta: unknown;
  state: TaskState;
  reason: string | null;
  message: string | null;
  writeThrough: WritePath;
  /** Why it holds nothing and asks nobody; null: it holds its records. */
  locksOffReason: string | null;
  parallelism: number;
  overlap: Overlap;
  stopRatio: number | null;
  /** Records written since this snapshot are left alone, as conflicted. */
  snapshot: string | null;
  changeReason: string | null;
  expected: number | null;
  total: number | null;
  chunkCount: number;
  chunksDone: number;
  done: number;
  changed: number;
  unchanged: number;
  failed: number;
  gone: number;
  conflicted: number;
  /** The database kept them as they were, without an error. */
  keptBack: number;
  /**
   * Of an undo: records that triggers altered as they were put back, those that came back along
   * included.
   */
  altered: number;
  /** The task that this one retries or undoes. */
  followsId: number | null;
  /** The first of the line of tasks in which each tries the one before again; null: this one. */
  lineId: number | null;
  /** The task that launched this one as a part of itself. */
  parentId: number | null;
  /** The task that it waits for. */
  blockedBy: number | null;
  /** What is taken back before it begins, and the tasks that do so; null: nothing is (any more). */
  startOver: readonly { taskId: number; undoIds: readonly number[] | null }[] | null;
  /** All or nothing, in one chunk. */
  isAtomic: boolean;
  attempts: number;
  /** Of an own task: attempts that failed, or whose worker was lost. */
  failedAttempts: number;
  /** Not before this. */
  dueAt: Date | null;
  /** What it waits for: `attempt` is the next one, `task` the end of the one that blocks it. */
  waitsFor: 'attempt' | 'sleep' | 'task' | 'children' | null;
  /** Of an own task: something is kept of what it has done, after which it goes on. */
  canGoOn: boolean;
  priority: number;
  /** Of an own task: it holds what its definition says that it affects. */
  holdsAffected: boolean;
  /** Of an own task: what its end launches, and then its id. */
  onFinished: { title: string; taskId: number | null } | null;
  /** Of an own task: its run wrote otherwise than by `change`. */
  wroteItself: boolean;
  /** Of an own task: it takes back what the one did that it follows. */
  isUndo: boolean;
  /** Of an own task: which workers take it. */
  queue: string;
  /** Not begun by then, it is not begun at all. */
  expiresAt: Date | null;
  /** What an own task is at, in its own words. */
  progressMessage: string | null;
  /** What an own task returned. */
  result: unknown;
  deaths: number;
  createdAt: Date;
  queuedAt: Date | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** The request that it was launched in, as its lines in the log have it. */
  requestId: string | null;
  /** Its last sign of life: a move, a chunk, progress that was said. */
  updatedAt: Date;
  /** Milliseconds since it started in which nobody was at it, up to `restedAt`. */
  idleMs: number;
  /** Since when nobody is at it. */
  restedAt: Date | null;
  /** When somebody first said that they have seen to it; null: nobody has. */
  acknowledgedAt: Date | null;
  /** Their name. */
  acknowledgedBy: string | null;
  /** Of an own task: others of its name are counted before it begins. */
  hasLimit: boolean;
  /** Which workers are alive that listen to its queue; null where none is needed any more. */
  workerFor: WorkerFor | null;
  /** Nothing new of its queue is taken: who has paused it, when, as text, and why. */
  queuePause: { by: string; at: string; reason: string | null } | null;
  /** When a worker ended last; null: none has, or one is dead and it is not known since when. */
  workerEndedAt: Date | null;
}

const columns: Record<
  Exclude<keyof BulkTask, 'workerFor' | 'workerEndedAt' | 'queuePause' | 'canGoOn'>,
  string
> = {
  id: 'id',
  kind: 'kind',
  operationId: 'operation_id',
  resource: 'resource',
  model: 'model',
  operation: 'operation',
  title: 'title',
  backend: 'backend',
  principalId: 'principal_id',
  principalName: 'principal_name',
  principal: 'principal',
  parameters: 'parameters',
  hasSecrets: 'secrets is not null',
  parametersVersion: 'parameters_version',
  meta: 'meta',
  selection: `selection - 'keys' - 'where'`,
  state: 'state',
  reason: 'reason',
  message: 'message',
  writeThrough: 'write_through',
  locksOffReason: 'locks_off_reason',
  parallelism: 'parallelism',
  overlap: 'overlap',
  stopRatio: 'stop_ratio',
  snapshot: 'snapshot',
  changeReason: 'change_reason',
  expected: 'expected',
  total: 'total',
  chunkCount: 'chunk_count',
  chunksDone: 'chunks_done',
  done: 'done',
  changed: 'changed',
  unchanged: 'unchanged',
  failed: 'failed',
  gone: 'gone',
  conflicted: 'conflicted',
  keptBack: 'kept_back',
  altered: 'altered',
  followsId: 'follows_id',
  lineId: 'line_id',
  parentId: 'parent_id',
  blockedBy: 'blocked_by',
  startOver: 'start_over',
  isAtomic: 'is_atomic',
  attempts: 'attempts',
  failedAttempts: 'failed_attempts',
  dueAt: 'due_at',
  waitsFor: 'waits_for',
  queue: 'queue',
  onFinished: `case when on_finished is not null then jsonb_build_object('title', on_finished -> 'title', 'taskId', on_finished -> 'taskId') end`,
  wroteItself: 'wrote_itself',
  isUndo: 'is_undo',
  holdsAffected: 'holds_affected',
  hasLimit: 'coalesce(limit_key, rate_key) is not null',
  expiresAt: 'expires_at',
  priority: 'priority',
  progressMessage: 'progress_message',
  result: 'result',
  deaths: 'deaths',
  createdAt: 'created_at',
  queuedAt: 'queued_at',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
  requestId: 'request_id',
  updatedAt: 'updated_at',
  idleMs: 'idle_ms',
  restedAt: 'rested_at',
  acknowledgedAt: 'acknowledged_at',
  acknowledgedBy: `acknowledged_by ->> 'name'`,
};

/**
 * A sum over the parts of an own task, theirs included, each of which counts for what it has told,
 * or for one; null: it has none.
 */
function ofParts(t: TableNames, sum: string): string {
  return `case when kind = 'own' then (with recursive part as (
       select child.* from (select id as root) own join ${t.task} child on child.parent_id = own.root
       union all
       select child.* from part join ${t.task} child on child.parent_id = part.id
     ) select case when count(*) > 0 then least(sum(${sum}), 2147483647)::int end from part) end`;
}

/** Select list that yields TaskRow. */
export function taskColumns(t: TableNames): string {
  const done =
    "case when state = 'succeeded' then coalesce(total, 1) when total is null then 0 else least(done, total) end";
  const summed: Partial<Record<string, string>> = {
    done: `done + coalesce(${ofParts(t, done)}, 0)`,
    total: `coalesce(coalesce(total, 0) + ${ofParts(t, 'coalesce(total, 1)')}, total)`,
  };
  return [
    ...Object.entries(columns).map(([name, column]) => `${summed[name] ?? column} as "${name}"`),
    `coalesce(kind = 'own' and exists (select from (select coalesce(line_id, id) as line) own join ${t.task_step} step on step.line_id = own.line), false) as "canGoOn"`,
    `case when finished_at is null and backend <> 'inline' then ${workerForSql(aliveWorkersSql(t))} end as "workerFor"`,
    `${queuePauseSql(t)} as "queuePause"`,
    `case when finished_at is null and backend <> 'inline' and not exists (select 1 from ${t.worker}) then (select max(at) from ${t.worker_end}) end as "workerEndedAt"`,
  ].join(', ');
}

/**
 * The same of a row that a statement writes, for code that launches or runs it: what other rows say
 * of it is left out, which is dear to ask and for pages alone.
 */
export function writtenColumns(): string {
  return [
    ...Object.entries(columns).map(([name, column]) => `${column} as "${name}"`),
    'false as "canGoOn", null::text as "workerFor", null::timestamptz as "workerEndedAt", null::jsonb as "queuePause"',
  ].join(', ');
}

/** Throws where it is none: only for what bulk work alone comes to. */
export function asBulk(task: TaskRow): BulkTask {
  if (task.kind === 'bulk') return task;
  throw new Error(`task ${task.id} is no bulk task`);
}

export function selectTask(t: TableNames): string {
  return `select ${taskColumns(t)} from ${t.task}`;
}
