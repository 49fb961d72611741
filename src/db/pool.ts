import pg from 'pg';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import { type ClientOptions, UtcClient } from './client.ts';

export { UtcClient } from './client.ts';

export interface PoolOptions
  extends Pick<ClientOptions, 'wants' | 'answerMs' | 'lookEveryMs' | 'isWorker'> {
  /** One that may name several hosts. */
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  /** Longest that a statement waits for a lock, where its transaction says nothing else. */
  lockTimeoutMs?: number;
  /** Longest that a transaction stands still before the server ends its connection. */
  idleInTransactionMs?: number;
  /** Nobody else is answered in a session of its connections: what one keeps is found again. */
  ownSessions?: boolean;
  /** Settings of the session, as a command line has them: `-c search_path=…`. */
  sessionSettings?: string;
}

const ownSessions = new WeakSet<object>();

/** Is it a pool, or a client of one, whose sessions are ours alone? */
export function hasOwnSessions(client: object): boolean {
  return ownSessions.has(client);
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
  const {
    connectionString,
    name,
    max,
    lockTimeoutMs,
    idleInTransactionMs,
    sessionSettings,
    ownSessions: isOwn,
  } = options;
  const { wants, answerMs, lookEveryMs, isWorker } = options;
  const client = {
    ...{ connectionString, wants, answerMs, lookEveryMs, isWorker, isOwnSession: isOwn },
    ...(lockTimeoutMs ? { lock_timeout: lockTimeoutMs } : {}),
    ...(idleInTransactionMs ? { idle_in_transaction_session_timeout: idleInTransactionMs } : {}),
    ...(sessionSettings ? { options: sessionSettings } : {}),
  };
  const pool = new BoundedPool({
    ...client,
    application_name: name,
    max,
    connectionTimeoutMillis: limits.waiting.forConnectionMs,
    Client: UtcClient as unknown as typeof pg.Client,
  });
  pool.on('error', () => undefined);
  if (options.ownSessions) ownSessions.add(pool);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    if (options.ownSessions) ownSessions.add(client);
  });
  return pool;
}
