import type { TableNames } from '../../db/names.ts';
import { empty, query, raw, type Sql, shared, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { HoldersOf } from '../../operations/contract.ts';
import { type TaskState, unfinishedSql } from '../states.ts';

declare module '../../errors.ts' {
  interface ErrorDetails {
    readonly holder?: Holder;
    readonly holders?: readonly Holder[];
  }
}

/** Who holds a record: one task that is not finished with it. */
export interface Holder {
  taskId: number;
  title: string;
  resource: string;
  principalId: string;
  principalName: string;
  state: TaskState;
  done: number;
  total: number;
}

/** Columns of a `task` that make a `Holder`. */
export const holderColumns = `task.id as "taskId", task.title, task.resource, task.principal_id as "principalId",
  task.principal_name as "principalName", task.state, task.done, coalesce(task.total, 0) as total`;

/**
 * Who holds a record, as rows of `select`ed columns: tasks by their chunks, and tasks by what they
 * hold beside them. Ranges of keys are sorted and disjoint, among the chunks of a task and within a
 * lock set, so at most one of each can hold a key: the last that begins at or before it.
 * `whose` is a condition on the `task`.
 */
function holdersSql(
  t: TableNames,
  select: Sql,
  from: Sql,
  { model, key, whose }: { model: Sql; key: Sql; whose: Sql },
): Sql {
  const isHeld = sql`task.state in (${raw(unfinishedSql)}) and task.locks_off_reason is null and ${whose}
      and held.last_key >= ${key} collate "C" and ${key} = any(held.keys)`;
  return sql`select ${select} from ${from}${raw(t.task)} task cross join lateral (select chunk.keys, chunk.last_key from ${raw(t.chunk)} chunk
      where chunk.task_id = task.id and chunk.state = 'active' and chunk.first_key <= ${key} collate "C"
      order by chunk.first_key desc limit 1) held
    where task.model = ${model} and ${isHeld}
    union all
    select ${select} from ${from}${raw(t.lock_set)} lock_set join ${raw(t.task)} task on task.id = lock_set.task_id
    cross join lateral (select lock_range.keys, lock_range.last_key from ${raw(t.lock_range)} lock_range
      where lock_range.set_id = lock_set.id and lock_range.first_key <= ${key} collate "C"
      order by lock_range.first_key desc limit 1) held
    where lock_set.model = ${model} and lock_set.is_held and ${isHeld}`;
}

/** Who holds one record, but for `free` tasks: whoever acts for a task is not stopped by it. */
export async function findHolder(
  client: Queryable,
  t: TableNames,
  model: string,
  key: string,
  free: readonly number[] = [],
): Promise<Holder | null> {
  const asked = {
    model: shared(sql`${model}::text`),
    key: shared(sql`${key}::text`),
    whose: shared(sql`task.id <> all(${free}::int[])`),
  };
  const { rows } = await query<Holder>(
    client,
    sql`${holdersSql(t, raw(holderColumns), empty, asked)} limit 1`,
  );
  return rows[0] ?? null;
}

/** Holders of many records (a page of a list), one statement. Keys that nobody holds are absent. */
export async function listHolders(
  db: { pages: Queryable; t: TableNames },
  model: string,
  keys: readonly string[],
  free: readonly number[] = [],
): Promise<Map<string, Holder>> {
  if (keys.length === 0) return new Map();
  const asked = {
    model: shared(sql`${model}::text`),
    key: raw('wanted.key'),
    whose: shared(sql`task.id <> all(${free}::int[])`),
  };
  const wanted = sql`unnest(${shared(sql`${keys}::text[]`)}) as wanted(key) cross join `;
  const { rows } = await query<Holder & { key: string }>(
    db.pages,
    holdersSql(db.t, raw(`wanted.key, ${holderColumns}`), wanted, asked),
  );
  return new Map(rows.map(({ key, ...holder }) => [key, holder]));
}

/** SQL: `key` is held by this task itself. */
export function isOwnSql(t: TableNames, taskId: number, model: string, key: Sql): Sql {
  const asked = { model: sql`${model}`, key, whose: sql`task.id = ${taskId}` };
  return sql`exists (${holdersSql(t, raw('1'), empty, asked)})`;
}

/** Who holds records, in words, as operations ask it of the cascade of others. */
export function holdersOf(t: TableNames): HoldersOf {
  return async (client, model, keys) => {
    const holders = await listHolders({ pages: client, t }, model, keys);
    return new Map(
      [...holders].map(([key, { taskId, title, principalName }]) => [
        key,
        `Held by task ${taskId}: ${title}, ${principalName}.`,
      ]),
    );
  };
}
