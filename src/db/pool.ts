import pg from 'pg';

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
}

/** What every connection is told first: Prisma's adapter writes and reads moments as if the session were at UTC, wherever it is. */
export const sessionSetup = `set timezone to 'UTC'`;

/** A pool whose broken connections are replaced by the next query; without listeners one would end the process. */
export function openPool({ connectionString, name, max }: PoolOptions): pg.Pool {
  const onConnect = async (client: pg.ClientBase) => {
    await client.query(sessionSetup);
  };
  const pool = new pg.Pool({ connectionString, application_name: name, max, connectionTimeoutMillis: 10_000, onConnect });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
}
