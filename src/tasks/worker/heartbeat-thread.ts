import { setTimeout as wait } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { QueryResult } from 'pg';
import { advisoryClass } from '../../db/advisory-class.ts';
import { UtcClient } from '../../db/pool.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { within } from '../../within.ts';
import { isAliveSql } from '../liveness.ts';
import { type HeartbeatNews, type HeartbeatOrder, type HeartbeatStart, sign } from './heartbeat.ts';

/** The thread of a process that says that its workers are there. */

const port = parentPort as MessagePort;
const { connectionString, table, everyMs, staleAfterMs, ...start } = workerData as HeartbeatStart;
const signs = new Int32Array(start.signs);
/** Workers of this process, and whether each waits for the end of another. */
const workers = new Map<string, boolean>();
/** Longest that the server takes to answer. */
const answerMs = Math.max(500, staleAfterMs / 2);
/** How long the connection is kept when there is no worker. */
const idleMs = 5_000;

let client: UtcClient | null = null;
let isEnding = false;
let movesSeen = -1;
let answeredAt = performance.now();
let wake: () => void = () => undefined;

port.on('message', (said: HeartbeatOrder) => {
  if (said.kind === 'begin') {
    if (workers.size === 0) answeredAt = performance.now();
    workers.set(said.id, said.isWatching);
  } else if (said.kind === 'leave') workers.delete(said.id);
  else isEnding = true;
  wake();
});

while (!isEnding) {
  if (workers.size === 0) await rest();
  else
    try {
      client ??= await connect();
      const watched = await beat(client);
      answeredAt = performance.now();
      await pause(client, watched);
    } catch (error) {
      await afterError(error);
    }
}
await letGo();
port.close();

function say(news: HeartbeatNews): void {
  port.postMessage(news);
}

/** Waits for that long, or for the next word of the main loop. */
async function pauseFor(ms: number): Promise<void> {
  const ended = new AbortController();
  await Promise.race([
    wait(ms, undefined, { signal: ended.signal }).catch(() => undefined),
    new Promise<void>((resolve) => {
      wake = resolve;
    }),
  ]);
  ended.abort();
}

async function rest(): Promise<void> {
  await pauseFor(idleMs);
  if (workers.size === 0) await letGo();
}

async function connect(): Promise<UtcClient> {
  const opened = new UtcClient({
    connectionString,
    application_name: 'bulkhead heartbeat',
    connectionTimeoutMillis: answerMs,
    lock_timeout: everyMs,
    isOwnSession: true,
  });
  opened.on('error', () => undefined);
  await opened.connect();
  const { rows } = await within(opened.query('select pg_backend_pid() as pid'), answerMs);
  say({ kind: 'session', pid: rows[0].pid });
  return opened;
}

/** Writes that the workers are there; returns the lock of the one whose end is waited for. */
async function beat(session: UtcClient): Promise<number | null> {
  const moves = Atomics.load(signs, sign.moves);
  const ids = [...workers.keys()];
  const [watching = null] = [...workers].flatMap(([id, isWatching]) => (isWatching ? [id] : []));
  const { rows } = await within(
    session.query<{ ids: string[]; lockId: number | null; isOneDead: boolean }>(
      `with beaten as (
         update ${table} set heartbeat_at = case when not $2 then clock_timestamp() end,
           loop_at = case when $2 then null when $3 then clock_timestamp() else coalesce(loop_at, clock_timestamp()) end
         where id = any($1::uuid[]) returning id
       )
       select array(select id from beaten) as ids, (
         select lock_id from ${table} worker where id <> $4::uuid and ${isAliveSql} order by id <= $4::uuid, id limit 1
       ) as "lockId", exists (select from ${table} worker where not ${isAliveSql}) as "isOneDead"`,
      [ids, Atomics.load(signs, sign.isInspected) === 1, moves !== movesSeen, watching],
    ),
    answerMs,
  );
  movesSeen = moves;
  const [row] = rows;
  for (const id of ids) if (!row?.ids.includes(id)) say({ kind: 'gone', id });
  // One that nobody waited for yet.
  if (watching !== null && row?.isOneDead) say({ kind: 'death' });
  return row?.lockId ?? null;
}

/**
 * Until the next beat, waiting meanwhile for the session of another worker to end. No statement
 * lasts longer than that: it would keep the server from cleaning up.
 */
async function pause(session: UtcClient, lockId: number | null): Promise<void> {
  if (isEnding) return;
  if (lockId === null) return pauseFor(everyMs);
  Atomics.store(signs, sign.isWaiting, 1);
  try {
    const since = performance.now();
    const results = (await within(
      session.query(outwaitSql(lockId)),
      everyMs + answerMs,
    )) as unknown as QueryResult<{ isOver: string }>[];
    if (results.at(-1)?.rows[0]?.isOver === 'true') say({ kind: 'death' });
    // Somebody else waited for it too.
    const restMs = minPauseMs - (performance.now() - since);
    if (restMs > 0) await pauseFor(restMs);
  } finally {
    Atomics.store(signs, sign.isWaiting, 0);
  }
}

/** So that a lock which cannot be waited for keeps nobody busy. */
const minPauseMs = 100;

function outwaitSql(lockId: number): string {
  return `do $$ begin
      perform set_config('lock_timeout', '${everyMs}', true), set_config('bulkhead.is_over', 'false', true);
      perform pg_advisory_xact_lock_shared(${advisoryClass.liveness}, ${lockId});
      perform set_config('bulkhead.is_over', 'true', true);
    exception when lock_not_available or query_canceled then null;
    end $$; select current_setting('bulkhead.is_over', true) as "isOver"`;
}

async function afterError(error: unknown): Promise<void> {
  // Somebody is at the row, which says nothing about the way there.
  if (sqlstateOf(error) === sqlstate.lockNotAvailable) return;
  const lost = client;
  client = null;
  // What does not answer is not asked to end.
  lost?.connection.stream.destroy();
  if (workers.size > 0 && performance.now() - answeredAt > staleAfterMs) {
    say({ kind: 'cut-off' });
    answeredAt = performance.now();
  }
  await pauseFor(Math.min(everyMs, 1_000));
}

async function letGo(): Promise<void> {
  const before = client;
  client = null;
  await before?.end().catch(() => undefined);
}
