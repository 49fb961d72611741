import type pg from 'pg';
import { AppError } from '../errors.ts';
import { openPool } from './pool.ts';

/** What two clients see of the server's processes that answer them. */
export interface Seen {
  /**
   * Transactions of one client were answered by several processes: a pooler in transaction mode
   * stands between.
   */
  isShared: boolean;
  /** Every time zone that a transaction was in. */
  zones: readonly string[];
}

/**
 * Rounds of asking: other clients may come between and leave one of ours at the same process by
 * chance.
 */
const rounds = 3;
/** A pooler with a single process cannot answer the second client: it is let go after this long. */
const maxWaitMs = 1_000;

const look = `select pg_backend_pid() as pid, current_setting('TimeZone') as zone`;

/** Longest that there is no answer. */
const lookMs = 30_000;

export function openLookPool(connectionString: string): pg.Pool {
  return openPool({
    connectionString,
    name: 'bulkhead look',
    max: 2,
    answerMs: lookMs,
  });
}

/**
 * Finds out whether two clients share server processes. While one client's transaction occupies the
 * process that answered the other before, a pooler must answer the other from another process; and
 * a pooler that rotates its processes gives a new one to the same client's next transaction.
 */
export async function lookThrough(pool: pg.Pool): Promise<Seen> {
  const [one, other] = await Promise.all([pool.connect(), pool.connect()]);
  const pids = { one: new Set<number>(), other: new Set<number>() };
  const zones = new Set<string>();
  const isShared = () =>
    pids.one.size > 1 || pids.other.size > 1 || !pids.one.isDisjointFrom(pids.other);
  const note = (whose: keyof typeof pids, { pid, zone }: { pid: number; zone: string }) => {
    pids[whose].add(pid);
    zones.add(zone);
  };
  let isBroken = true;
  try {
    for (let round = 0; round < rounds && !isShared(); round++) {
      for (let turn = 0; turn < 2; turn++) note('one', await seen(one));
      await other.query('begin');
      note('other', await seen(other));
      const after = seen(one);
      await Promise.race([after, new Promise((done) => setTimeout(done, maxWaitMs).unref())]);
      await other.query('commit');
      note('one', await after);
      note('other', await seen(other));
    }
    isBroken = false;
    return { isShared: isShared(), zones: [...zones] };
  } finally {
    one.release(isBroken);
    other.release(isBroken);
  }
}

async function seen(client: pg.PoolClient): Promise<{ pid: number; zone: string }> {
  const { rows } = await client.query<{ pid: number; zone: string }>(look);
  return rows[0] as { pid: number; zone: string };
}

const universal = [
  'UTC',
  'Etc/UTC',
  'UCT',
  'Etc/UCT',
  'GMT',
  'Etc/GMT',
  'Universal',
  'Etc/Universal',
  'Zulu',
  'Etc/Zulu',
];

/**
 * Timestamps would be wrong by hours where a connection's zone is not the one that it began with.
 */
export function assertZoneKept({ zones }: Seen): void {
  const other = zones.find((zone) => !universal.includes(zone));
  if (other === undefined) return;
  throw new AppError(
    'zone-not-kept',
    500,
    `The pooler of DATABASE_URL does not keep a connection's time zone (${other} instead of UTC): set it with "alter role … set timezone to 'UTC'", or use one that keeps it, as PgBouncer does.`,
  );
}

/**
 * Workers listen, and are alive for as long as their session holds a lock: neither is possible in a
 * session that others share.
 */
export async function assertOwnSessions(connectionString: string): Promise<void> {
  const pool = openLookPool(connectionString);
  try {
    const seenThrough = await lookThrough(pool);
    assertZoneKept(seenThrough);
    if (!seenThrough.isShared) return;
  } finally {
    await pool.end();
  }
  throw new AppError(
    'shared-sessions',
    500,
    'A worker needs sessions of its own, which a pooler in transaction mode does not give: set DIRECT_DATABASE_URL to the database itself.',
  );
}
