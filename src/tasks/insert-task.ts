import { type AuditEntry, entryJson, insertEntriesSql } from '../audit/entry.ts';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/database.ts';
import type { Queryable } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { idsNow } from '../log/ids.ts';
import { getOperation } from '../operations/operations.ts';
import type { Resource } from '../resources/contract.ts';
import type { DuplicatePolicy } from '../unique.ts';
import { keepPreviewSql } from './keep-preview.ts';
import { namedKey } from './named-key.ts';
import type { RunOptions } from './run-options.ts';
import { type TaskState, unfinishedSql } from './states.ts';
import { type BulkTask, selectTask, type TaskSelection, taskColumns } from './task-row.ts';

export interface NewTask {
  /** The one-time id of a form; null: code launches it. */
  operationId: string | null;
  /** What has it is not there twice while it is unfinished; null: its turn is asked. */
  taskKey: string | null;
  /** What it may not be under way twice with, and what a launch does where it is. */
  unique?: { readonly key: string; readonly policy: DuplicatePolicy };
  /** The task that it waits for before it begins. */
  blockedBy?: number | null;
  /** What is taken back before it begins. */
  startOver?: BulkTask['startOver'];
  resource: Resource;
  operation: string;
  title: string;
  principal: Principal;
  parameters: unknown;
  selection: TaskSelection;
  /** Somebody launched it on a page: it is counted among those that wait. */
  isFromPage?: boolean;
  /** The task that this one retries or undoes. */
  followsId?: number | null;
  isAtomic?: boolean;
  /** Records that somebody confirmed; null: nobody was shown any. */
  expected: number | null;
  options: RunOptions;
  /** What runs it, where it is not done within the request. Default: it is chosen. */
  backend?: string;
  /** What its manager keeps with it. */
  meta: unknown;
  /**
   * The database's transactions at the preview; kept only where records changed since are left
   * alone.
   */
  snapshot: string | null;
  /** What it is to the audit. Default: a task that was launched. */
  entry?: Pick<AuditEntry, 'act' | 'record'>;
}

/**
 * Writes a task row, or finds the principal's own that has the same operation id, or the same
 * key and is unfinished, or was when this began. Throws AppError 'preview-gone' (409): the
 * operation id is somebody else's.
 */
export async function insertTask(
  client: Queryable,
  db: Database,
  task: NewTask,
  { backend, state }: { backend: string; state: TaskState },
): Promise<{ task: BulkTask; isNew: boolean }> {
  const operation = getOperation(task.resource, task.operation);
  const { rows } = await client.query<BulkTask>(
    `with inserted as (
       insert into ${db.t.task} (operation_id, task_key, resource, model, operation, title, backend, principal_id, principal_name,
         principal, parameters, selection, state, expected, parallelism, overlap, stop_ratio, snapshot, change_reason, follows_id, is_atomic, write_through, locks_off_reason, meta, is_from_page, unique_key, blocked_by, start_over, parameters_version, request_id, queued_at, woken_at, started_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $31, now(), now(),
         case when $13::text = 'running' then now() end)
       on conflict do nothing returning *
     ), event as (
       insert into ${db.t.task_event} (task_id, state) select id, state from inserted
     ), entry as (
       ${insertEntriesSql(db.t, '(select $30::text as entry, id from inserted) given', 'id')}
     ), shown as (
       ${keepPreviewSql(db.t)}
     )
     select ${taskColumns(db.t)} from inserted`,
    [
      task.operationId,
      task.taskKey,
      task.resource.slug,
      task.resource.model.name,
      task.operation,
      task.title,
      backend,
      task.principal.id,
      task.principal.name,
      JSON.stringify(task.principal),
      JSON.stringify(task.parameters),
      JSON.stringify(task.selection),
      state,
      task.expected,
      task.resource.parallelism,
      task.options.overlap,
      task.options.stopRatio,
      task.options.skipChanged ? task.snapshot : null,
      task.options.changeReason,
      task.followsId ?? null,
      task.isAtomic ?? false,
      operation.writePath(task.resource),
      task.resource.locksOffReason,
      task.meta === null || task.meta === undefined ? null : JSON.stringify(task.meta),
      task.isFromPage ?? false,
      task.unique?.key ?? null,
      task.blockedBy ?? null,
      task.startOver ? JSON.stringify(task.startOver) : null,
      operation.version ?? 1,
      entryJson(db, entryOf(task)),
      idsNow().requestId ?? null,
    ],
  );
  if (rows[0]) return { task: rows[0], isNew: true };
  const earlier = await client.query<BulkTask>(
    `${selectTask(db.t)} where principal_id = $3 and (operation_id = $1 or (task_key = $2 and ($1::uuid is null or state in (${unfinishedSql}))))
     order by id desc limit 1`,
    [task.operationId, task.taskKey, task.principal.id],
  );
  if (!earlier.rows[0])
    throw new AppError(
      'preview-gone',
      409,
      'This form is no longer valid. Open it again. Nothing was changed.',
    );
  return { task: earlier.rows[0], isNew: false };
}

function entryOf({ entry, principal, resource, ...task }: NewTask): AuditEntry {
  return {
    act: 'task-launched',
    ...entry,
    by: principal,
    resource: resource.slug,
    record: namedKey(resource, entry?.record),
    details: {
      operation: task.operation,
      title: task.title,
      ...(task.expected !== null && { records: task.expected }),
      ...(task.options.changeReason !== null && { reason: task.options.changeReason }),
      ...(task.followsId && { follows: task.followsId }),
    },
  };
}

export async function findTaskByOperation(
  db: Database,
  principal: Principal,
  operationId: string,
  client: Queryable = db.pages,
): Promise<BulkTask | null> {
  const { rows } = await client.query<BulkTask>(
    `${selectTask(db.t)} where operation_id::text = $1 and principal_id = $2`,
    [operationId.toLowerCase(), principal.id],
  );
  return rows[0] ?? null;
}
