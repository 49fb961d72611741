import pg from 'pg';

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
}

/** A pool whose broken connections are replaced by the next query; without listeners one would end the process. */
export function openPool({ connectionString, name, max }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({ connectionString, application_name: name, max, connectionTimeoutMillis: 10_000 });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
}
