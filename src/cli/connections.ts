import type { Pool } from 'pg';
import type { Config } from '../config.ts';
import { backgroundPoolSize } from '../db/database.ts';
import { tableNames } from '../db/names.ts';
import { openPool } from '../db/pool.ts';
import { workerPoolSize } from '../tasks/worker/pool-size.ts';

type Sizes = Pick<
  Config,
  | 'BULKHEAD_PAGES_POOL_SIZE'
  | 'BULKHEAD_WORKER_CONCURRENCY'
  | 'BULKHEAD_PLACES'
  | 'BULKHEAD_WORKER_POOL_SIZE'
>;

/** Of a worker beside its pool: the one it lives by, and that of its heartbeat. */
const ownSessions = 2;

/** Most connections that a process opens: of pages, of a worker, of both in one. */
export function connectionsOf(config: Sizes) {
  const pages = config.BULKHEAD_PAGES_POOL_SIZE + backgroundPoolSize;
  const worker = ownSessions + workerPoolSize(sizesOf(config), 1);
  // A worker has the pools that pages have, too, and opens of them what hooks and tasks ask for.
  return { serve: pages, work: pages + worker, start: pages + worker };
}

function sizesOf(config: Sizes) {
  return {
    concurrency: config.BULKHEAD_WORKER_CONCURRENCY,
    places: config.BULKHEAD_PLACES,
    poolSize: config.BULKHEAD_WORKER_POOL_SIZE,
  };
}

/** A line for each kind of process. */
export function connectionsInWords(config: Sizes): string[] {
  const { serve, work } = connectionsOf(config);
  return [
    `Connections to the database: up to ${serve} for each process of pages (BULKHEAD_PAGES_POOL_SIZE), up to ${work} for each worker (and BULKHEAD_WORKER_CONCURRENCY, BULKHEAD_PLACES, BULKHEAD_WORKER_POOL_SIZE).`,
  ];
}

/**
 * How many connections a process that is about to start opens at most, beside what the server lets
 * everybody have together and what is taken of it. Asked before it opens any.
 */
export async function connectionsHere(
  kind: keyof ReturnType<typeof connectionsOf>,
  config: Sizes & Pick<Config, 'BULKHEAD_DATABASE_SCHEMA' | 'DATABASE_URL' | 'DIRECT_DATABASE_URL'>,
  direct: string,
): Promise<string> {
  const { own, note } = ownOf(kind, config);
  if (own === 0) return `Connections to the database: up to ${note}.`;
  const { allowed, taken } = await roomAt(direct, config);
  const text = `Connections to the database: up to ${own} of this process${note && ` (beside up to ${note})`}, of ${allowed} that it allows, of which others have taken ${taken}`;
  if (own + taken <= allowed) return `${text}.`;
  return `${text}: together more than that. Set BULKHEAD_PAGES_POOL_SIZE, BULKHEAD_WORKER_CONCURRENCY and BULKHEAD_PLACES lower, here or elsewhere, or allow more.`;
}

/** Connections to the server itself; those of pages go to the pooler, where there is one. */
function ownOf(
  kind: keyof ReturnType<typeof connectionsOf>,
  config: Parameters<typeof connectionsHere>[1],
): { own: number; note: string } {
  const all = connectionsOf(config)[kind];
  const { DATABASE_URL: pooled, DIRECT_DATABASE_URL: direct } = config;
  // A worker alone has all its pools past the pooler.
  if (kind === 'work' || !direct || direct === pooled) return { own: all, note: '' };
  const { serve } = connectionsOf(config);
  return { own: all - serve, note: `${serve} to the pooler of DATABASE_URL` };
}

interface Headroom {
  /** The least that server, role and database allow. */
  allowed: number;
  /** Of that: what is open, and what workers that are there may open yet. */
  taken: number;
}

async function roomAt(
  connectionString: string,
  config: Parameters<typeof connectionsHere>[1],
): Promise<Headroom> {
  const pool = openPool({ connectionString, name: 'bulkhead look', max: 1 });
  try {
    const { rows } = await pool.query<{ allowed: number; taken: number }>(
      `with session as (
         select usename = current_user as "ofRole", datname = current_database() as "ofDatabase" from pg_stat_activity
         where datid is not null and usesysid is not null and pid <> pg_backend_pid()
       )
       select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as allowed,
         (select count(*)::int from session) as taken
       union all
       select rolconnlimit, (select count(*)::int from session where "ofRole") from pg_roles where rolname = current_user and rolconnlimit >= 0
       union all
       select datconnlimit, (select count(*)::int from session where "ofDatabase") from pg_database where datname = current_database() and datconnlimit >= 0`,
    );
    const [tightest] = rows.sort((a, b) => a.allowed - a.taken - (b.allowed - b.taken));
    const { allowed = 0, taken = 0 } = tightest ?? {};
    return { allowed, taken: taken + (await openedYet(pool, config)) };
  } finally {
    await pool.end();
  }
}

interface SeenWorker {
  concurrency: number | null;
  places: number | null;
  open: number;
}

/** What the pools of workers that are there have not opened, should they come to need it. */
async function openedYet(pool: Pool, config: Parameters<typeof connectionsHere>[1]) {
  const { worker } = tableNames(config.BULKHEAD_DATABASE_SCHEMA);
  const { rows } = await pool.query<SeenWorker>(
    `select concurrency, places, (select count(*)::int from pg_stat_activity where application_name = worker.id::text) as open from ${worker} worker`,
  );
  const left = rows.map(({ concurrency, places, open }) => {
    const sizes = sizesOf(config);
    const size = workerPoolSize({ ...sizes, places, concurrency: concurrency ?? 1 }, 1);
    // Its heartbeat is counted by itself.
    return Math.max(0, ownSessions - 1 + size - open);
  });
  return left.reduce((sum, count) => sum + count, 0);
}
