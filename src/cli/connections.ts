import type { Config } from '../config.ts';
import { backgroundPoolSize } from '../db/database.ts';
import { openPool } from '../db/pool.ts';
import { workerPoolSize } from '../tasks/worker/worker.ts';

type Sizes = Pick<
  Config,
  'BULKHEAD_PAGES_POOL_SIZE' | 'BULKHEAD_WORKER_CONCURRENCY' | 'BULKHEAD_PLACES'
>;

/** Most connections that a process opens: of pages, of a worker, of both in one. */
export function connectionsOf(config: Sizes) {
  const pages = config.BULKHEAD_PAGES_POOL_SIZE + backgroundPoolSize;
  // Beside its pool a session of its own, and the heartbeat's.
  const worker = 2 + workerPoolSize(config.BULKHEAD_WORKER_CONCURRENCY, config.BULKHEAD_PLACES, 1);
  // A worker has the pools that pages have, too, and opens of them what hooks and tasks ask for.
  return { serve: pages, work: pages + worker, start: pages + worker };
}

/** A line for each kind of process. */
export function connectionsInWords(config: Sizes): string[] {
  const { serve, work } = connectionsOf(config);
  return [
    `Connections to the database: up to ${serve} for each process of pages (BULKHEAD_PAGES_POOL_SIZE), up to ${work} for each worker (and BULKHEAD_WORKER_CONCURRENCY, BULKHEAD_PLACES).`,
  ];
}

/**
 * How many connections this process opens at most, beside what the server lets everybody have
 * together.
 */
export async function connectionsHere(
  kind: keyof ReturnType<typeof connectionsOf>,
  config: Sizes,
  connectionString: string,
): Promise<string> {
  const allowed = await allowedBy(connectionString);
  const own = connectionsOf(config)[kind];
  const text = `Connections to the database: up to ${own} of this process, of ${allowed} that it allows`;
  if (own <= allowed) return `${text}.`;
  return `${text}: set BULKHEAD_PAGES_POOL_SIZE, BULKHEAD_WORKER_CONCURRENCY and BULKHEAD_PLACES lower, or allow more.`;
}

/** The least that server, role and database allow. */
async function allowedBy(connectionString: string): Promise<number> {
  const pool = openPool({ connectionString, name: 'bulkhead look', max: 1 });
  try {
    const { rows } = await pool.query<{ allowed: number[] }>(
      `select array[
         current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int,
         (select rolconnlimit from pg_roles where rolname = current_user),
         (select datconnlimit from pg_database where datname = current_database())] as allowed`,
    );
    return Math.min(...(rows[0]?.allowed ?? []).filter((limit) => limit >= 0));
  } finally {
    await pool.end();
  }
}
