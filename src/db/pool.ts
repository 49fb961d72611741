import pg from 'pg';

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  /** Longest that a statement waits for a lock, where its transaction says nothing else. */
  lockTimeoutMs?: number;
}

/**
 * A connection at UTC, wherever the server is: Prisma's adapter writes and reads moments so. Asked for as the connection
 * begins, since a pooler that keeps it for us does so by what a client began with.
 */
export class UtcClient extends pg.Client {
  getStartupConf(): Record<string, string> {
    const given = pg.Client.prototype as unknown as { getStartupConf(this: pg.Client): Record<string, string> };
    return { ...given.getStartupConf.call(this), TimeZone: 'UTC' };
  }
}

/** A pool whose broken connections are replaced by the next query; without listeners one would end the process. */
export function openPool({ connectionString, name, max, lockTimeoutMs }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: name,
    max,
    connectionTimeoutMillis: 10_000,
    Client: UtcClient,
    ...(lockTimeoutMs ? { lock_timeout: lockTimeoutMs } : {}),
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
}
