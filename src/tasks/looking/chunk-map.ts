import type { Database } from '../../db/database.ts';
import { limits } from '../../limits.ts';
import type { ChunkRow } from './queries.ts';

/** What became of a chunk; of several, what is worst of them stands first. */
export const chunkFates = ['failed', 'conflicted', 'waiting', 'changed', 'unchanged'] as const;
export type ChunkFate = (typeof chunkFates)[number];

/** A chunk, or neighbours where there are more than a map has cells. */
export interface MapCell extends Readonly<Record<ChunkFate, number>> {
  /** Of the first chunk that it has the look of. */
  readonly number: number;
}

/** SQL: the place among `chunkFates` of a row of `chunk`, from 1. */
const fateSql = `case when failed + kept_back > 0 then 1 when conflicted > 0 then 2 when state <> 'done' then 3 when changed > 0 then 4 else 5 end`;

/** In the order of its records; one statement, which reads no keys. */
export async function listMapCells({ pages, t }: Database, taskId: number): Promise<MapCell[]> {
  const counts = chunkFates.map(
    (fate, index) => `count(*) filter (where fate = ${index + 1})::int as "${fate}"`,
  );
  const { rows } = await pages.query<MapCell>(
    `select (array_agg(number order by fate, number))[1] as number, ${counts.join(', ')} from (
       select number, ${fateSql} as fate, (row_number() over (order by number) - 1) * $2::bigint / greatest(count(*) over (), $2) as cell
       from ${t.chunk} where task_id = $1) placed
     group by cell order by cell`,
    [taskId, limits.shown.chunks],
  );
  return rows;
}

/** A chunk between its neighbours. */
export interface ChunkFound extends ChunkRow {
  conflicted: number;
  /** Keys of the task's records before it end with this one; empty: there are none. */
  lastKeyBefore: string;
  previous: number | null;
  next: number | null;
}

/** Null: the task has none of this number. One statement. */
export async function findChunk(
  { pages, t }: Database,
  taskId: number,
  number: number,
): Promise<ChunkFound | null> {
  const { rows } = await pages.query<ChunkFound>(
    `select number, state, cardinality(keys) as size, first_key as "firstKey", last_key as "lastKey", changed, unchanged, failed, gone,
       conflicted, kept_back as "keptBack", finished_at as "finishedAt", duration_ms as "durationMs",
       coalesce((select last_key from ${t.chunk} other where other.task_id = $1 and other.first_key < own.first_key order by first_key desc limit 1), '') as "lastKeyBefore",
       (select max(number) from ${t.chunk} other where other.task_id = $1 and other.number < own.number) as previous,
       (select min(number) from ${t.chunk} other where other.task_id = $1 and other.number > own.number) as next
     from ${t.chunk} own where task_id = $1 and number = $2`,
    [taskId, number],
  );
  return rows[0] ?? null;
}
