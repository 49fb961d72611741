import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from 'pg';
import { advisoryClass } from '../../db/advisory-class.ts';
import { version } from '../../version.ts';
import { settingsHash } from '../agreed.ts';
import type { TaskContext } from '../context.ts';
import type { Knowledge } from '../known.ts';
import { isInspected } from './heartbeat.ts';
import { noWish, type Wish } from './heed.ts';

/** Numbers of advisory locks that workers draw from. */
const maxLockId = 2 ** 31 - 1;

interface Announced {
  id: string;
  queues: readonly string[] | null;
  backends: readonly string[];
  /** Slices of bulk work at a time, and own tasks. */
  concurrency?: number;
  places?: number;
  /** What it knows; it runs nothing of others. */
  knows?: Knowledge;
  /** What it was asked under another id. */
  wish?: Wish;
}

/**
 * Makes the worker known by a row, and alive by an advisory lock for as long as its session lasts.
 * The lock's number is drawn: those of another schema of ours in the same database are not to be
 * taken for it.
 */
export async function announce(
  { db, settings, agreed }: TaskContext,
  session: Client,
  { id, queues, backends, concurrency, places, knows, wish = noWish }: Announced,
): Promise<void> {
  // One transaction: the row must not be seen without its lock, or somebody would take it for dead.
  await session.query('begin');
  for (let isOurs = false; !isOurs; ) {
    const { rows } = await session.query<{ isOurs: boolean; lockId: number }>(
      'select pg_try_advisory_lock($1, $2) as "isOurs", $2::int as "lockId"',
      [advisoryClass.liveness, randomInt(1, maxLockId)],
    );
    isOurs = rows[0]?.isOurs ?? false;
    if (isOurs)
      await session.query(
        `insert into ${db.t.worker} (id, host, pid, queues, backends, lock_id, version, concurrency, places, asked, asked_by, asked_at, quiet_at, stale_after_ms, busy_after_ms, heartbeat_at, loop_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, case when $10 = 'quiet' then now() end, $13, $14, case when not $15 then clock_timestamp() end, case when not $15 then clock_timestamp() end)`,
        [
          ...[id, hostname(), process.pid, queues, backends],
          ...[rows[0]?.lockId, version, concurrency ?? null, places ?? null],
          ...[wish.asked, wish.askedBy && JSON.stringify(wish.askedBy), wish.askedAt],
          ...[settings.staleAfterMs, busyAfterMs(settings), isInspected()],
        ],
      );
  }
  if (knows)
    await session.query(
      `update ${db.t.worker} set knows = $2, settings = $3, settings_hash = $4 where id = $1`,
      [id, JSON.stringify(knows), JSON.stringify(agreed), settingsHash(agreed)],
    );
  await session.query('commit');
}

/**
 * How long its main loop may stand still before what it is at in chunks is taken from it: as long as
 * a chunk's transaction may take.
 */
function busyAfterMs(settings: TaskContext['settings']): number {
  return Math.max(settings.staleAfterMs, settings.statementTimeoutMs * 2);
}
