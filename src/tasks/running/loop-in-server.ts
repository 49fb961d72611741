import pg, { type Pool, type PoolClient } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { inlined, raw, sql } from '../../db/sql.ts';
import { heldKeys } from '../../metadata/key-sql.ts';
import type { ApplyTarget, Operation } from '../../operations/contract.ts';
import { claimSql } from './claim-chunk.ts';
import { finishSql } from './finish-chunk.ts';
import type { Lease } from './lease.ts';

/** How a task’s chunks are done one after the other within the server. */
export interface Loop {
  /** Only the commit that ends the task is waited for until it is on disk. */
  readonly isAsync: boolean;
  /** Chunks of the next call at most: more and more, as the pace becomes known. */
  chunks: number;
  /** Chunks to do by round trips before the next call, and how many that were the last time. */
  pause: number;
  lastPause: number;
}

/** What a call of the loop did, one chunk after the other. */
export interface LoopedChunk {
  rows: number;
  tookMs: number;
  isWaitedFor: boolean;
  changed: number;
  unchanged: number;
  gone: number;
}

/**
 * done: as many as it was to do; finished: the task has ended; left: the next one is for somebody
 * else to look at; none-left, stopped: as of a single chunk.
 */
export type LoopEnd = 'done' | 'finished' | 'left' | 'none-left' | 'stopped';

export interface Looped {
  chunks: readonly LoopedChunk[];
  end: LoopEnd;
  /** What ended it early: the chunk that met it was rolled back. */
  error?: unknown;
}

export interface LoopOptions {
  /** Records of a chunk. */
  rows: number;
  /** Chunks at most. */
  chunks: number;
  /** Milliseconds after which no other is begun. */
  ms: number;
  /** After a chunk that took longer no other is begun, so that the pace can follow. */
  slowMs: number;
  stopRatio: number;
  /** Whether only the commit that ends the task is waited for until it is on disk. */
  isAsync: boolean;
  /** Settings of the session meanwhile. */
  settings: Readonly<Record<string, string>>;
}

const resultName = 'bulkhead.looped';
const held = {
  keys: 'bulkhead_keys',
  ids: 'bulkhead_ids',
  count: 'bulkhead_count',
  number: 'bulkhead_number',
};

/**
 * Goes from chunk to chunk within the server: each is claimed, changed, marked and committed there,
 * in a transaction of its own, with no round trip between. Null: this operation, or this model, is
 * not done so.
 */
export async function loopInServer(
  pool: Pool,
  operation: Operation,
  target: ApplyTarget,
  params: unknown,
  lease: Lease,
  options: LoopOptions,
): Promise<Looped | null> {
  const body = loopBody(operation, target, params, lease, options);
  if (body === null) return null;
  return withSettings(pool, options.settings, async (client) => {
    const error = await client.query(`do ${pg.escapeLiteral(body)}`).then(
      () => undefined,
      (met: unknown) => met,
    );
    return async (rest) => {
      const { rows } = await client.query<{ looped: string | null }>(
        `select current_setting('${resultName}', true) as looped, ${rest}`,
      );
      const looped = JSON.parse(rows[0]?.looped || '{"chunks":[],"end":"done"}') as {
        chunks: [number, number, boolean, number, number, number][];
        end: LoopEnd;
      };
      return {
        end: looped.end,
        chunks: looped.chunks.map(([rows, tookMs, isWaitedFor, changed, unchanged, gone]) => ({
          ...{ rows, tookMs, isWaitedFor, changed, unchanged, gone },
        })),
        ...(error !== undefined && { error }),
      };
    };
  });
}

/**
 * With settings of the session that are put back afterwards: those of a transaction would end with
 * the first commit.
 */
async function withSettings<T>(
  pool: Pool,
  settings: Readonly<Record<string, string>>,
  work: (client: PoolClient) => Promise<(rest: string) => Promise<T>>,
): Promise<T> {
  const client = await pool.connect();
  let isAsBefore = false;
  try {
    const names = Object.keys(settings);
    const before = names.map((name, index) => `current_setting('${name}') as s${index}`);
    const set = [...Object.entries(settings), [resultName, '']].map(
      ([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value as string)}, false)`,
    );
    const { rows } = await client.query<Record<string, string>>(
      `select was.*, ${set.join(', ')} from (select ${before.join(', ')} offset 0) was`,
    );
    const read = await work(client);
    const back = names.map(
      (name, index) =>
        `set_config('${name}', ${pg.escapeLiteral(rows[0]?.[`s${index}`] ?? '')}, false)`,
    );
    const result = await read(back.join(', '));
    isAsBefore = true;
    return result;
  } finally {
    client.release(!isAsBefore);
  }
}

function loopBody(
  operation: Operation,
  target: ApplyTarget,
  params: unknown,
  { taskId, slot, token }: Lease,
  { rows, chunks, ms, slowMs, stopRatio, isAsync }: LoopOptions,
): string | null {
  const { resource, t } = target;
  const keys = heldKeys(resource.model, held);
  const author = { ...target.author, chunk: raw(held.number) };
  const change = keys && operation.held?.({ ...target, author }, keys, params);
  if (!keys || !change) return null;
  const zero = raw('0');
  const finish = finishSql(t, {
    taskId: sql`${taskId}::int`,
    number: raw(held.number),
    added: raw('bulkhead_added'),
    durationMs: raw(elapsedMs('bulkhead_at')),
    stopRatio: sql`${stopRatio}::float8`,
    altered: zero,
    lease: { slot: sql`${slot}::int`, token: sql`${token}::uuid` },
    changed: raw('bulkhead_changed'),
    unchanged: raw('bulkhead_unchanged'),
    gone: raw('bulkhead_gone'),
    failed: zero,
    conflicted: zero,
    keptBack: zero,
  });
  return `
#variable_conflict use_variable
declare
  bulkhead_begun constant timestamptz := clock_timestamp();
  bulkhead_at timestamptz;
  bulkhead_number int;
  bulkhead_keys text[];
  bulkhead_ids ${keys.idType}[];
  bulkhead_count int;
  bulkhead_added int;
  bulkhead_changed int;
  bulkhead_unchanged int;
  bulkhead_gone int;
  bulkhead_left boolean;
  bulkhead_state text;
  bulkhead_waited boolean;
  bulkhead_chunks jsonb := '[]';
  bulkhead_end text := 'done';
begin
  for bulkhead_n in 1..${chunks} loop
    bulkhead_at := clock_timestamp();
    ${claimed(t, taskId, rows, slot)} select number, keys, cardinality(keys), added from claimed into bulkhead_number, bulkhead_keys, bulkhead_count, bulkhead_added;
    if bulkhead_number is null then
      rollback;
      bulkhead_end := 'none-left';
      exit;
    end if;
    bulkhead_ids := ${keys.idsSql};
    ${inlined(change)} into bulkhead_changed, bulkhead_unchanged, bulkhead_gone, bulkhead_left;
    if bulkhead_left then
      rollback;
      bulkhead_end := 'left';
      exit;
    end if;
    set constraints all immediate;
    ${inlined(finish)} into bulkhead_state, bulkhead_waited;
    if bulkhead_state is null then
      rollback;
      bulkhead_end := 'stopped';
      exit;
    end if;
    if bulkhead_state <> 'running' then
      bulkhead_end := 'finished';${isAsync ? "\n      perform set_config('synchronous_commit', 'on', true);" : ''}
    end if;
    bulkhead_chunks := bulkhead_chunks || jsonb_build_array(jsonb_build_array(bulkhead_count, ${elapsedMs('bulkhead_at')}, bulkhead_waited, bulkhead_changed, bulkhead_unchanged, bulkhead_gone));
    ${result};
    commit;
    bulkhead_chunks := jsonb_set(bulkhead_chunks, array[(bulkhead_n - 1)::text, '1'], to_jsonb(${elapsedMs('bulkhead_at')}));
    exit when bulkhead_end <> 'done' or bulkhead_waited or ${elapsedMs('bulkhead_at')} > ${slowMs} or ${elapsedMs('bulkhead_begun')} > ${ms};
  end loop;
  ${result};
end`;
}

const result = `perform set_config('${resultName}', jsonb_build_object('chunks', bulkhead_chunks, 'end', bulkhead_end)::text, false)`;

function claimed(t: TableNames, taskId: number, rows: number, slot: number): string {
  // Two who go side by side would wait for each other's pages.
  const isFromEnd = slot % 2 === 1;
  return inlined(claimSql(t, sql`${taskId}::int`, sql`${rows}::int`, { isFromEnd }));
}

function elapsedMs(since: string): string {
  return `extract(epoch from clock_timestamp() - ${since})::float8 * 1000`;
}
