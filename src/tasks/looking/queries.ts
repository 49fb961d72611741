import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { join, query, raw, sql } from '../../db/sql.ts';
import { notFound } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import type { TaskState } from '../states.ts';
import { selectTask, type TaskRow } from '../task-row.ts';
import { seenSql } from '../who-sees.ts';
import { findHolder } from './holders.ts';

const maxId = 2_147_483_647;

/** Can it be one at all? Whatever stands in an address may be asked for. */
export function isTaskId(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= maxId;
}

type Seeing = Pick<TaskContext, 'db' | 'registry' | 'people'>;

/** One statement. Not found and not yours are the same 404. */
export async function getTask(context: Seeing, principal: Principal, id: number): Promise<TaskRow> {
  const { db } = context;
  if (!isTaskId(id)) throw notFound();
  const { rows } = await query<TaskRow>(
    db.pages,
    sql`${raw(selectTask(db.t))} where id = ${id} and ${await seenSql(context, principal)}`,
  );
  if (!rows[0]) throw notFound();
  return rows[0];
}

/** Those of them that the principal sees; one statement, none where there are none. */
export async function listTasksById(
  context: Seeing,
  principal: Principal,
  ids: readonly number[],
): Promise<TaskRow[]> {
  const { db } = context;
  if (ids.length === 0) return [];
  const { rows } = await query<TaskRow>(
    db.pages,
    sql`${raw(selectTask(db.t))} where id = any(${ids}::int[]) and ${await seenSql(context, principal)}`,
  );
  return rows;
}

/**
 * The task that holds a record, whosever it is: a person who is kept waiting may see its progress.
 */
export async function getHoldingTask(
  db: Database,
  model: string,
  key: string,
): Promise<TaskRow | null> {
  const holder = await findHolder(db.pages, db.t, model, key);
  if (!holder) return null;
  const { rows } = await db.pages.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [
    holder.taskId,
  ]);
  return rows[0] ?? null;
}

/** Which tasks code asks for; what is left out is any. */
export interface TaskQuery {
  readonly states?: readonly TaskState[];
  /** Name of the operation, or of the task's definition. */
  readonly name?: string;
  /** Slug of the resource whose records it changes. */
  readonly resource?: string;
  readonly principalId?: string;
  /** Older than this one. */
  readonly before?: number;
  /** At most 1,000. Default: 100. */
  readonly limit?: number;
}

const maxListed = 1_000;

/** Newest first, one statement. */
export async function listTasksWhere(
  context: Seeing,
  principal: Principal,
  { states, name, resource, principalId, before, limit = 100 }: TaskQuery,
): Promise<TaskRow[]> {
  const { db } = context;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxListed)
    throw new TypeError(`list: limit is a whole number from 1 to ${maxListed}.`);
  const wanted = [
    states && sql`and state = any(${states}::text[])`,
    name !== undefined && sql`and operation = ${name}`,
    resource !== undefined && sql`and resource = ${resource}`,
    principalId !== undefined && sql`and principal_id = ${principalId}`,
    before !== undefined && sql`and id < ${before}`,
  ].filter((condition) => typeof condition === 'object');
  const { rows } = await query<TaskRow>(
    db.pages,
    sql`${raw(selectTask(db.t))} where ${await seenSql(context, principal)} ${join(wanted, ' ')} order by id desc limit ${limit}`,
  );
  return rows;
}

/** The principal's own unfinished tasks on one resource, newest first. */
export async function listRunning(
  db: Database,
  principal: Principal,
  resource: string,
): Promise<TaskRow[]> {
  const { rows } = await queryPrepared<TaskRow>(db.pages, {
    text: `${selectTask(db.t)} where principal_id = $1 and resource = $2 and finished_at is null order by id desc limit 5`,
    values: [principal.id, resource],
  });
  return rows;
}

export interface ChunkRow {
  number: number;
  state: 'draft' | 'active' | 'done';
  size: number;
  firstKey: string;
  lastKey: string;
  changed: number;
  unchanged: number;
  failed: number;
  gone: number;
  keptBack: number;
  finishedAt: Date | null;
  durationMs: number | null;
}

/** The chunks finished last come first. */
export async function listChunks(db: Database, taskId: number, limit = 20): Promise<ChunkRow[]> {
  const { rows } = await db.pages.query<ChunkRow>(
    `select number, state, cardinality(keys) as size, first_key as "firstKey", last_key as "lastKey", changed, unchanged,
       failed, gone, kept_back as "keptBack", finished_at as "finishedAt", duration_ms as "durationMs"
     from ${db.t.chunk} where task_id = $1 order by finished_at desc nulls last, number limit $2`,
    [taskId, limit],
  );
  return rows;
}

export interface FailureGroup {
  code: string;
  message: string;
  count: number;
  /** The first of them. */
  keys: string[];
}

/** Reasons with the most records first; of each the first 50 keys. */
export async function listFailures(
  db: Database,
  taskId: number,
  limit = 50,
): Promise<FailureGroup[]> {
  const { rows } = await db.pages.query<FailureGroup>(
    `select code, message, count(*)::int as count, (array_agg(key order by key))[1:50] as keys
     from ${db.t.task_failure} failure cross join unnest(failure.keys) as key
     where task_id = $1 group by code, message order by count(*) desc, message limit $2`,
    [taskId, limit],
  );
  return rows;
}

export interface EventRow {
  at: Date;
  fromState: TaskState | null;
  state: TaskState;
  reason: string | null;
  /** Name of who brought it about; null: the system. */
  by: string | null;
}

export async function listEvents(db: Database, taskId: number, limit = 200): Promise<EventRow[]> {
  const { rows } = await db.pages.query<EventRow>(
    `select at, from_state as "fromState", state, reason, by ->> 'name' as by from ${db.t.task_event} where task_id = $1 order by id limit $2`,
    [taskId, limit],
  );
  return rows;
}

/** A hook of the project's that was told in vain of what became of a task, and is told no more. */
export interface Untold {
  hook: string;
  event: string;
  attempts: number;
  parkedAt: Date;
}

export async function listUntold(db: Database, taskId: number, limit = 20): Promise<Untold[]> {
  const { rows } = await db.pages.query<Untold>(
    `select hook, name as event, attempts, parked_at as "parkedAt" from ${db.t.task_delivery}
     where task_id = $1 and parked_at is not null order by id limit $2`,
    [taskId, limit],
  );
  return rows;
}

export interface ChildRow {
  id: number;
  title: string;
  state: TaskState;
}

export interface ChildrenFound {
  children: ChildRow[];
  count: number;
  ended: number;
}

/** What a task has launched as parts of itself, as far as one sees it; the first launched first. */
export async function listChildren(
  context: Seeing,
  principal: Principal,
  taskId: number,
  limit = 100,
): Promise<ChildrenFound> {
  const { pages, t } = context.db;
  const { rows } = await query<ChildRow & { count: number; ended: number }>(
    pages,
    sql`select id, title, state, count(*) over ()::int as count, count(finished_at) over ()::int as ended
     from ${raw(t.task)} where parent_id = ${taskId} and ${await seenSql(context, principal)} order by id limit ${limit}`,
  );
  const { count = 0, ended = 0 } = rows[0] ?? {};
  return { children: rows.map(({ id, title, state }) => ({ id, title, state })), count, ended };
}
