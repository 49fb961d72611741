import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from 'pg';
import { advisoryClass } from '../../db/advisory-class.ts';
import { version } from '../../version.ts';
import type { TaskContext } from '../context.ts';
import type { Knowledge } from '../known.ts';
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
  context: TaskContext,
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
        `insert into ${context.db.t.worker} (id, host, pid, queues, backends, lock_id, version, concurrency, places, asked, asked_by, asked_at, knows, quiet_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, case when $10 = 'quiet' then now() end)`,
        [
          ...[id, hostname(), process.pid, queues, backends],
          ...[rows[0]?.lockId, version, concurrency ?? null, places ?? null],
          ...[wish.asked, wish.askedBy && JSON.stringify(wish.askedBy), wish.askedAt],
          knows === undefined ? null : JSON.stringify(knows),
        ],
      );
  }
  await session.query('commit');
}
