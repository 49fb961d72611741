import type { Pool } from 'pg';
import { keyOf } from '../metadata/keys.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { Client, Resource, Where } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { TableNames } from '../db/names.ts';

/** Keys read at a time. */
export const freezePage = 5_000;

/** The keys of up to `limit` records of the predicate after `last`, in the order of the id. Keyset, never a cursor. */
async function readPage(
  client: Client,
  model: ModelMeta,
  where: Where,
  last: Record<string, unknown> | null,
  limit: number,
): Promise<Record<string, unknown>[]> {
  const ids = model.idFields;
  return delegateOf(client, model).findMany({
    where: last ? { AND: [where, after(ids, last)] } : where,
    select: Object.fromEntries(ids.map((name) => [name, true])),
    orderBy: ids.map((name) => ({ [name]: 'asc' })),
    take: limit,
  });
}

// (a, b) > (x, y) as Prisma can say it: a > x, or a = x and b > y.
function after(ids: readonly string[], last: Record<string, unknown>): Where {
  return {
    OR: ids.map((name, index) => ({
      ...Object.fromEntries(ids.slice(0, index).map((earlier) => [earlier, last[earlier]])),
      [name]: { gt: last[name] },
    })),
  };
}

/** Keys of the first `limit` records: enough to know whether a launch is small. */
export async function readKeys(client: Client, model: ModelMeta, where: Where, limit: number): Promise<string[]> {
  const records = await readPage(client, model, where, null, limit);
  return records.map((record) => keyOf(model, record)).sort();
}

export interface Lease {
  taskId: number;
  slot: number;
  token: string;
}

/**
 * Writes the keys of the predicate as draft chunks, which hold nothing. Starts anew when an earlier attempt died.
 * Returns how many records there are, or null when the lease was lost.
 */
export async function freeze(
  pool: Pool,
  t: TableNames,
  client: Client,
  resource: Resource,
  where: Where,
  lease: Lease,
): Promise<number | null> {
  const { model, chunkSize } = resource;
  await pool.query(`delete from ${t.chunk} where task_id = $1 and state = 'draft' and ${leaseHolds(t)}`, leaseValues(lease));
  let number = 0;
  let total = 0;
  let last: Record<string, unknown> | null = null;
  for (;;) {
    const records = await readPage(client, model, where, last, freezePage);
    if (records.length === 0) break;
    const keys = records.map((record) => keyOf(model, record));
    const chunks = cut(keys, chunkSize);
    const isKept = await writeDrafts(pool, t, lease, number, chunks);
    if (!isKept) return null;
    number += chunks.length;
    total += keys.length;
    last = records.at(-1) ?? null;
    if (records.length < freezePage) break;
  }
  if (!keepsOrder(model)) await sortDrafts(pool, t, lease.taskId, chunkSize, total);
  return total;
}

function cut(keys: readonly string[], size: number): string[][] {
  const chunks: string[][] = [];
  for (let start = 0; start < keys.length; start += size) chunks.push(keys.slice(start, start + size));
  return chunks;
}

function leaseHolds(t: TableNames): string {
  return `exists (select 1 from ${t.task_slot} where task_id = $1 and slot = $2 and token = $3::uuid)`;
}

function leaseValues(lease: Lease): unknown[] {
  return [lease.taskId, lease.slot, lease.token];
}

async function writeDrafts(pool: Pool, t: TableNames, lease: Lease, first: number, chunks: string[][]): Promise<boolean> {
  const { rowCount } = await pool.query(
    `insert into ${t.chunk} (task_id, number, state, keys, first_key, last_key)
     select $1, $4::int + position::int - 1, 'draft', keys, keys[1], keys[cardinality(keys)]
     from (select position, array(select jsonb_array_elements_text(value)) as keys
       from jsonb_array_elements($5::jsonb) with ordinality as chunk(value, position)) chunk
     where ${leaseHolds(t)}`,
    [...leaseValues(lease), first, JSON.stringify(chunks)],
  );
  return rowCount === chunks.length;
}

// The order of the id is the order of the key for numbers and uuids; text follows the column's collation, which may be any.
function keepsOrder(model: ModelMeta): boolean {
  const [only, ...more] = model.idFields.map((name) => model.fields[name]);
  if (!only || more.length > 0) return false;
  return only.type === 'Int' || only.type === 'BigInt' || only.sqlType === 'uuid';
}

/** Deals the keys of the draft chunks out anew, in the order of keys, so that chunks are sorted and disjoint. */
async function sortDrafts(pool: Pool, t: TableNames, taskId: number, size: number, total: number): Promise<void> {
  await pool.query(
    `with dealt as (
       select key, (row_number() over (order by key collate "C") - 1) / $2::int as number
       from ${t.chunk} chunk cross join unnest(chunk.keys) key where task_id = $1 and state = 'draft'
     ), sorted as (
       select number, array_agg(key order by key collate "C") as keys from dealt group by number
     )
     update ${t.chunk} chunk set keys = sorted.keys, first_key = sorted.keys[1], last_key = sorted.keys[cardinality(sorted.keys)]
     from sorted where chunk.task_id = $1 and chunk.state = 'draft' and chunk.number = sorted.number`,
    [taskId, size],
  );
  // Pages need not be a multiple of the chunk size, so there may be a few chunks more than are needed now.
  await pool.query(`delete from ${t.chunk} where task_id = $1 and state = 'draft' and number >= $2`, [taskId, Math.ceil(total / size)]);
}
