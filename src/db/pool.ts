import pg from 'pg';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  /** Longest that a statement waits for a lock, where its transaction says nothing else. */
  lockTimeoutMs?: number;
  /** Nobody else is answered in a session of its connections: what one keeps is found again. */
  ownSessions?: boolean;
}

const ownSessions = new WeakSet<object>();

/** Is it a pool, or a client of one, whose sessions are ours alone? */
export function hasOwnSessions(client: object): boolean {
  return ownSessions.has(client);
}

/**
 * A connection at UTC, wherever the server is: Prisma's adapter writes and reads timestamps so.
 * Asked for as the connection begins, since a pooler that keeps it for us does so by what a client
 * began with.
 */
export class UtcClient extends pg.Client {
  getStartupConf(): Record<string, string> {
    const given = pg.Client.prototype as unknown as {
      getStartupConf(this: pg.Client): Record<string, string>;
    };
    return { ...given.getStartupConf.call(this), TimeZone: 'UTC' };
  }
}

type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/**
 * graphile-worker takes connections so, and may give the one on which it listens back twice where it
 * breaks while the worker stops: the second time would end the process.
 */
function releasingOnce(callback: Connected): Connected {
  return (error, client, done) => {
    let isReleased = false;
    callback(error, client, (reason) => {
      if (!isReleased) done(reason);
      isReleased = true;
    });
  };
}

/** Refuses at once when too many already wait for a connection: AppError 'busy' (503). */
class BoundedPool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): unknown {
    if (this.waitingCount < limits.waiting.forConnection)
      return callback ? super.connect(releasingOnce(callback)) : super.connect();
    const busy = new AppError('busy', 503, limitTexts.waiting);
    return callback
      ? process.nextTick(callback, busy, undefined, () => undefined)
      : Promise.reject(busy);
  }
}

/**
 * A pool whose broken connections are replaced by the next query; without listeners one would end
 * the process.
 */
export function openPool(options: PoolOptions): pg.Pool {
  const { connectionString, name, max, lockTimeoutMs } = options;
  const pool = new BoundedPool({
    connectionString,
    application_name: name,
    max,
    connectionTimeoutMillis: limits.waiting.forConnectionMs,
    Client: UtcClient,
    ...(lockTimeoutMs ? { lock_timeout: lockTimeoutMs } : {}),
  });
  pool.on('error', () => undefined);
  if (options.ownSessions) ownSessions.add(pool);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    if (options.ownSessions) ownSessions.add(client);
  });
  return pool;
}
