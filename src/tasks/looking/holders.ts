import type { TableNames } from '../../db/names.ts';
import { query, raw, type Sql, shared, sql } from '../../db/sql.ts';
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

// Chunks of a task hold sorted keys and are disjoint, so at most one can hold a key: the last that
// begins at or before it.
function chunkBefore(t: TableNames, key: Sql): Sql {
  return sql`(select chunk.keys, chunk.last_key from ${raw(t.chunk)} chunk
      where chunk.task_id = task.id and chunk.state = 'active' and chunk.first_key <= ${key} collate "C"
      order by chunk.first_key desc limit 1)`;
}

function holds(model: string, key: Sql): Sql {
  return sql`task.model = ${model} and task.state in (${raw(unfinishedSql)}) and task.locks_off_reason is null
      and chunk.last_key >= ${key} collate "C" and ${key} = any(chunk.keys)`;
}

export async function findHolder(
  client: Queryable,
  t: TableNames,
  model: string,
  key: string,
): Promise<Holder | null> {
  const wanted = shared(sql`${key}::text`);
  const { rows } = await query<Holder>(
    client,
    sql`select ${raw(holderColumns)} from ${raw(t.task)} task cross join lateral ${chunkBefore(t, wanted)} chunk where ${holds(model, wanted)} limit 1`,
  );
  return rows[0] ?? null;
}

/** Holders of many records (a page of a list), one statement. Keys that nobody holds are absent. */
export async function listHolders(
  db: { pages: Queryable; t: TableNames },
  model: string,
  keys: readonly string[],
): Promise<Map<string, Holder>> {
  if (keys.length === 0) return new Map();
  const wanted = raw('wanted.key');
  const { rows } = await query<Holder & { key: string }>(
    db.pages,
    sql`select wanted.key, ${raw(holderColumns)} from ${raw(db.t.task)} task cross join unnest(${keys}::text[]) as wanted(key)
     cross join lateral ${chunkBefore(db.t, wanted)} chunk where ${holds(model, wanted)}`,
  );
  return new Map(rows.map(({ key, ...holder }) => [key, holder]));
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
