import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { blame } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { keyToUrl, parseKey } from '../../metadata/keys.ts';
import { clientTransaction } from '../../operations/rules/client-transaction.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TransactionClient } from '../../resources/hooks.ts';
import type { TaskContext } from '../context.ts';
import { type Holder, holderColumns } from '../looking/holders.ts';
import { unfinishedSql } from '../states.ts';
import { holdLease, type Lease } from './lease.ts';

/** Records that `descendants` is asked about at a time. */
const askedAtOnce = 5_000;
const rangeSize = 1_000;

export interface FoundDescendant {
  model: string;
  key: string;
  parent: string;
}

/** Asks a resource which records are held with these. Throws what its rule throws, and Error. */
export async function askDescendants(
  { registry }: Pick<TaskContext, 'registry'>,
  { model, slug, descendants }: Resource,
  keys: readonly string[],
  tx: Client,
): Promise<FoundDescendant[]> {
  if (!descendants) return [];
  const ids = new Map(keys.map((key) => [keyToUrl(model, key), key]));
  const found = await descendants([...ids.keys()], tx as unknown as TransactionClient);
  return found.map(({ parent, resource, key }) => {
    const asked = ids.get(String(parent));
    if (asked === undefined)
      throw new Error(`descendants of ${slug}: "${parent}" is none of the keys that it was given.`);
    const { model: of } = registry.get(resource);
    return { model: of.name, key: parseKey(of, String(key)), parent: asked };
  });
}

/**
 * Writes down what is held with the records of a task's draft chunks. Gives why that cannot be
 * known; null: it is.
 */
export async function draftDescendants(
  context: TaskContext,
  pool: Pool,
  resource: Resource,
  lease: Lease,
): Promise<string | null> {
  if (!resource.descendants) return null;
  const { t } = context.db;
  const { statementTimeoutMs: timeoutMs } = context.settings;
  try {
    await forgetDescendants(pool, t, lease.taskId);
    for (let after = -1; ; ) {
      const { rows } = await pool.query<{ number: number; keys: string[] }>(
        `select number, keys from ${t.chunk} where task_id = $1 and number > $2 and number <= $2 + $3 and state = 'draft' order by number`,
        [lease.taskId, after, askedAtOnce],
      );
      const last = rows.at(-1);
      if (!last) return null;
      const keys = rows.flatMap((row) => row.keys);
      for (let start = 0; start < keys.length; start += askedAtOnce)
        await keep(keys.slice(start, start + askedAtOnce));
      after = Math.max(last.number, after + askedAtOnce);
    }
  } catch (error) {
    if (blame(error) === 'passing') throw error;
    context.log('error', 'the descendants of records cannot be told', {
      resource: resource.slug,
      error,
    });
    return error instanceof AppError
      ? error.message
      : `The descendants rule of ${resource.label.toLowerCase()} failed. The log has the details. Nothing was changed.`;
  }

  async function keep(keys: readonly string[]): Promise<void> {
    const found = await clientTransaction(context.registry, pool, { timeoutMs }, (_sql, tx) =>
      askDescendants(context, resource, keys, tx),
    );
    await transaction(pool, async (client) => {
      if (!(await holdLease(client, t, lease))) return;
      await keepDescendants(client, t, lease.taskId, found);
    });
  }
}

/** Writes down what is held with records, until it is. */
export async function keepDescendants(
  client: Queryable,
  t: TableNames,
  taskId: number,
  found: readonly FoundDescendant[],
): Promise<void> {
  await client.query(
    `insert into ${t.descendant} (task_id, model, key, parent)
     select $1, model, key, parent from unnest($2::text[], $3::text[], $4::text[]) given(model, key, parent) on conflict do nothing`,
    [
      taskId,
      found.map(({ model }) => model),
      found.map(({ key }) => key),
      found.map(({ parent }) => parent),
    ],
  );
}

/** Those that are not held after all. */
export async function forgetDescendants(
  client: Queryable,
  t: TableNames,
  taskId: number,
): Promise<void> {
  await client.query(`delete from ${t.descendant} where task_id = $1`, [taskId]);
}

/** Models of what a task is going to hold with its records. */
export async function descendantModels(
  client: Queryable,
  t: TableNames,
  taskId: number,
): Promise<string[]> {
  const { rows } = await client.query<{ model: string }>(
    `select distinct model from ${t.descendant} where task_id = $1`,
    [taskId],
  );
  return rows.map(({ model }) => model);
}

/** Rows of `task_id` and `parent` for every descendant that another task holds; not in the way are those of the second value. */
function heldSql(t: TableNames): string {
  const isHeld = `task.id <> all($2::int[]) and task.state in (${unfinishedSql}) and task.locks_off_reason is null`;
  return `with mine as materialized (
      select model, key, parent from ${t.descendant} where task_id = $1
    ), bounds as (
      select model, min(key) as low, max(key) as high from mine group by model
    ), held as materialized (
      select task.model, chunk.task_id, chunk.keys from bounds join ${t.task} task on task.model = bounds.model
      join ${t.chunk} chunk on chunk.task_id = task.id
      where ${isHeld} and chunk.state = 'active' and chunk.first_key <= bounds.high and chunk.last_key >= bounds.low
      union all
      select lock_set.model, lock_set.task_id, lock_range.keys from bounds join ${t.lock_set} lock_set on lock_set.model = bounds.model
      join ${t.task} task on task.id = lock_set.task_id join ${t.lock_range} lock_range on lock_range.set_id = lock_set.id
      where lock_set.is_held and ${isHeld} and lock_range.first_key <= bounds.high and lock_range.last_key >= bounds.low
    ), overlap as (
      select distinct held_key.task_id, mine.parent
      from (select model, task_id, unnest(keys) as key from held) held_key join mine using (model, key)
    )`;
}

/** Tasks that hold descendants of a task's records. */
export async function descendantHolders(
  client: Queryable,
  t: TableNames,
  taskId: number,
  free: readonly number[],
): Promise<Holder[]> {
  const { rows } = await client.query<Holder>(
    `${heldSql(t)}
     select ${holderColumns} from ${t.task} task where id in (select task_id from overlap) order by task.id`,
    [taskId, free],
  );
  return rows;
}

/** Writes down which records are left out for a held descendant, and who holds it. */
export async function nameHeldParents(
  client: Queryable,
  t: TableNames,
  taskId: number,
  free: readonly number[],
): Promise<void> {
  await client.query(
    `${heldSql(t)}, named as (
       select parent, min(task_id) as task_id from overlap group by parent
     )
     insert into ${t.task_failure} (task_id, chunk, code, message, is_conflict, keys)
     select $1, chunk.number, 'locked', format('What belongs to it is held by task %s: %s, %s.', holder.id, holder.title, holder.principal_name), true,
       array_agg(named.parent order by named.parent)
     from (select number, unnest(keys) as key from ${t.chunk} where task_id = $1 and state = 'draft') chunk
     join named on named.parent = chunk.key and named.parent not in (select unnest(keys) from ${t.task_failure} where task_id = $1 and is_conflict) join ${t.task} holder on holder.id = named.task_id group by chunk.number, holder.id`,
    [taskId, free],
  );
}

/** Makes what was written down into locks, but for the descendants of what is left out. */
export async function holdDescendants(
  client: Queryable,
  t: TableNames,
  taskId: number,
): Promise<void> {
  await client.query(
    `with draft as (
       delete from ${t.descendant} where task_id = $1 returning model, key, parent
     ), rest as (
       select distinct model, key from draft
       where parent not in (select unnest(keys) from ${t.task_failure} where task_id = $1 and is_conflict)
     ), sets as (
       insert into ${t.lock_set} (task_id, model, is_held) select distinct $1::int, model, true from rest returning id, model
     ), placed as (
       select sets.id, key, row_number() over (partition by model order by key) - 1 as n from rest join sets using (model)
     )
     insert into ${t.lock_range} (set_id, keys, first_key, last_key)
     select id, array_agg(key order by key), min(key), max(key) from placed group by id, n / ${rangeSize}`,
    [taskId],
  );
}
