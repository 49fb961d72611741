import type { TableNames } from '../../db/names.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { empty, query, raw, type Sql, shared, sql, statementOf } from '../../db/sql.ts';
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
 * Who holds a record, as rows of `select`ed columns and, as `held.key`, what is held: tasks by
 * their chunks, and tasks by what they hold beside them. Ranges of keys are sorted and disjoint,
 * among the chunks of a task and within a lock set, so at most one of each can hold a key: the last
 * that begins at or before it. `whose` is a condition on the `task`; `from` is what a `key` of
 * several is read from. Tasks come first and keys are looked up in each (`offset 0` keeps it so):
 * where no task holds any record of the model, nothing is done for a key.
 */
function holdersSql(
  t: TableNames,
  select: Sql,
  { model, key, whose, from = empty }: { model: Sql; key: Sql; whose: Sql; from?: Sql },
): Sql {
  const isHolding = sql`task.state in (${raw(unfinishedSql)}) and task.locks_off_reason is null and ${whose}`;
  const held = (ranges: Sql) => sql`cross join lateral (select ${key} as key from ${from}lateral (
        select keys, last_key from ${ranges} and first_key <= ${key} collate "C" order by first_key desc limit 1
      ) range where range.last_key >= ${key} collate "C" and ${key} = any(range.keys) offset 0) held`;
  return sql`select ${select} from ${raw(t.task)} task
    ${held(sql`${raw(t.chunk)} where task_id = task.id and state = 'active'`)}
    where task.model = ${model} and ${isHolding}
    union all
    select ${select} from ${raw(t.lock_set)} lock_set join ${raw(t.task)} task on task.id = lock_set.task_id
    ${held(sql`${raw(t.lock_range)} where set_id = lock_set.id`)}
    where lock_set.model = ${model} and lock_set.is_held and ${isHolding}`;
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
    sql`${holdersSql(t, raw(holderColumns), asked)} limit 1`,
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
    from: sql`unnest(${shared(sql`${keys}::text[]`)}) as wanted(key) cross join `,
  };
  const { rows } = await queryPrepared<Holder & { key: string }>(
    db.pages,
    statementOf(holdersSql(db.t, raw(`held.key, ${holderColumns}`), asked)),
  );
  return new Map(rows.map(({ key, ...holder }) => [key, holder]));
}

/** SQL: the held ones of many records, each as `key` and `taskId`. */
export function heldSql(t: TableNames, model: string, keys: readonly string[]): Sql {
  const asked = {
    model: shared(sql`${model}::text`),
    key: raw('wanted.key'),
    whose: raw('true'),
    from: sql`unnest(${shared(sql`${keys}::text[]`)}) as wanted(key) cross join `,
  };
  return holdersSql(t, raw('held.key, task.id as "taskId"'), asked);
}

/** SQL: `key` is held by this task itself. */
export function isOwnSql(t: TableNames, taskId: number, model: string, key: Sql): Sql {
  const asked = { model: sql`${model}`, key, whose: sql`task.id = ${taskId}` };
  return sql`exists (${holdersSql(t, raw('1'), asked)})`;
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
