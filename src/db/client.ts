import pg from 'pg';
import { hostUrls, readAddress } from '../database-address.ts';
import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';
import { sqlstate, sqlstateOf } from './sqlstate.ts';
import { whatBecame } from './what-became.ts';

export interface ClientOptions extends pg.ClientConfig {
  connectionString: string;
  /**
   * Nobody stands between, and nobody else is answered in the session: the server is asked what
   * became of statements that it does not answer, and notices by itself when we are gone.
   */
  isOwnSession?: boolean;
  /**
   * A worker's own session: its work has limits of time of its own, whatever somebody has set for all
   * statements of the role.
   */
  isWorker?: boolean | undefined;
  /** Of several hosts, one that takes writes (the default), or whichever answers. */
  wants?: 'primary' | 'any';
  /** Longest that the server says nothing to a statement. Default: as long as it is at it. */
  answerMs?: number;
  /** How often a statement is looked after. Default: 2,000. */
  lookEveryMs?: number;
}

/**
 * Seconds of silence after which a server asks whether we are there, between its questions, and how
 * many of them; and milliseconds that it waits to hear that what it sent has come.
 */
const serverSettings = {
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '2',
  tcp_user_timeout: '15000',
  // A worker listens for as long as it is there; what a pool does not use it ends itself.
  idle_session_timeout: '0',
} as const;
/** What somebody has set for all that ask for too much. */
const workerSettings = { statement_timeout: '0' } as const;
/** The same on our side: Node asks once a second from then on, ten times. */
const keepAliveAfterMs = 5_000;
const lookEveryMs = 2_000;
/** Looks that find a statement as silent as the one before; then the server is asked. */
const silentLooks = 2;
/** Answers which say that nothing will come of it: one may cross what is on its way. */
const badAnswers = 2;
/** Longest that a goodbye takes. */
const endMs = 2_000;

/**
 * What says that the server is going, has become a standby, or has ended the session: nothing good
 * comes of the connection any more.
 */
const lastWords: readonly string[] = [
  sqlstate.readOnlyTransaction,
  sqlstate.idleInTransactionTimeout,
  sqlstate.adminShutdown,
  sqlstate.crashShutdown,
  sqlstate.cannotConnectNow,
  sqlstate.databaseDropped,
  sqlstate.idleSessionTimeout,
];

/** What a driver's client keeps to itself. */
interface Inner {
  connection: {
    stream: { readonly bytesRead: number; destroy(error?: Error): void };
    on(event: 'errorMessage', listener: (message: { code?: string }) => void): void;
    removeAllListeners(): void;
    on(event: 'error', listener: () => void): void;
  };
  connectionTimeoutHandle?: NodeJS.Timeout;
  _ending: boolean;
  _ended: boolean;
  _getActiveQuery(): object | null | undefined;
}

/** The host of an address that was a primary when last somebody connected. */
const lastGood = new Map<string, string>();

/**
 * A connection at UTC, wherever the server is: Prisma's adapter writes and reads timestamps so.
 * Asked for as the connection begins, since a pooler that keeps it for us does so by what a client
 * began with.
 *
 * Of an address of several hosts it takes the first that answers and is no standby; what never is
 * answered ends it.
 */
export class UtcClient extends pg.Client {
  readonly #options: ClientOptions;
  #host: string;
  /** Of the process of the server that answers. */
  #pid = 0;
  #looking: NodeJS.Timeout | null = null;

  constructor(options: ClientOptions) {
    const [host = ''] = hostsInOrder(options.connectionString);
    super(configOf(options, host));
    this.#options = options;
    this.#host = host;
    // Whoever uses it is told by the statement that meets it.
    this.on('error', () => undefined);
  }

  getStartupConf(): Record<string, string> {
    const given = pg.Client.prototype as unknown as {
      getStartupConf(this: pg.Client): Record<string, string>;
    };
    return { ...given.getStartupConf.call(this), TimeZone: 'UTC' };
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): unknown {
    const connecting = this.#connect().then(() => this);
    if (!callback) return connecting;
    connecting.then(
      () => callback(undefined as unknown as Error),
      (error) => callback(error),
    );
  }

  /** The driver calls it whenever a statement may be sent. */
  _pulseQueryQueue(): void {
    const given = pg.Client.prototype as unknown as { _pulseQueryQueue(this: pg.Client): void };
    given._pulseQueryQueue.call(this);
    const isLookedAfter = this.#options.isOwnSession || this.#options.answerMs !== undefined;
    if (isLookedAfter && !this.#looking && this.#inner._getActiveQuery()) this.#look();
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): unknown {
    // A connection whose other end is gone is never said goodbye to.
    setTimeout(() => this.#inner.connection.stream.destroy(), endMs).unref();
    return callback ? super.end(callback) : super.end();
  }

  get #inner(): Inner {
    return this as unknown as Inner;
  }

  async #connect(): Promise<void> {
    const { connectionString, wants = 'primary', isOwnSession } = this.#options;
    const hosts = hostsInOrder(connectionString);
    const said: string[] = [];
    for (const [at, host] of hosts.entries()) {
      if (at > 0) this.#beginAnew(host);
      try {
        await super.connect();
        const isStandby = isOwnSession || hosts.length > 1 ? await this.#greet() : false;
        if (hosts.length === 1 || wants === 'any' || !isStandby) {
          lastGood.set(connectionString, host);
          this.#heedLastWords();
          return;
        }
        said.push(`${nameOf(host)} is a standby`);
      } catch (error) {
        if (hosts.length === 1 || this.#inner._ending || isRefusal(error)) throw error;
        said.push(`${nameOf(host)}: ${messageOf(error)}`);
      }
    }
    this.#letGo();
    throw noPrimary(said, wants);
  }

  /** Is it a standby? By the way it is said what the server needs to notice that we are gone. */
  async #greet(): Promise<boolean> {
    const { isOwnSession, isWorker } = this.#options;
    const settings = isOwnSession
      ? Object.entries({ ...serverSettings, ...(isWorker ? workerSettings : {}) }).map(
          ([name, value]) => `, set_config('${name}', '${value}', false)`,
        )
      : [];
    const late = setTimeout(
      () => this.#inner.connection.stream.destroy(lost('it did not say what it is')),
      hostMs(1),
    );
    try {
      const { rows } = await super.query<{ isStandby: boolean; pid: number }>(
        `select pg_is_in_recovery() as "isStandby", pg_backend_pid() as pid${settings.join('')}`,
      );
      this.#pid = rows[0]?.pid ?? 0;
      return rows[0]?.isStandby === true;
    } catch (error) {
      this.#letGo();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Everything that it is but its listeners: as if it had been made for another host. */
  #beginAnew(host: string): void {
    this.#letGo();
    this.#host = host;
    const { _events, _eventsCount, _maxListeners, ...state } = new pg.Client(
      configOf(this.#options, host),
    ) as unknown as Record<string, unknown>;
    Object.assign(this, state);
  }

  #letGo(): void {
    const { connection, connectionTimeoutHandle } = this.#inner;
    clearTimeout(connectionTimeoutHandle);
    // Nobody says so any more, and whoever ends it would wait for that.
    this.#inner._ended = true;
    connection.removeAllListeners();
    connection.on('error', () => undefined);
    connection.stream.destroy();
  }

  #heedLastWords(): void {
    const { connection } = this.#inner;
    connection.on('errorMessage', ({ code }) => {
      if (lastWords.includes(code ?? '')) connection.stream.destroy();
    });
  }

  /** Looks after the statements of the connection for as long as there are any. */
  #look(): void {
    const { connection } = this.#inner;
    const { answerMs = Number.POSITIVE_INFINITY, isOwnSession } = this.#options;
    const everyMs = this.#options.lookEveryMs ?? lookEveryMs;
    let [heard, statement, since, looks, bad] = [-1, {} as unknown, 0, 0, 0];
    const look = async () => {
      const active = this.#inner._getActiveQuery();
      if (!active) {
        this.#looking = null;
        return;
      }
      const { bytesRead } = connection.stream;
      if (active !== statement || bytesRead !== heard)
        [heard, statement, since, looks, bad] = [bytesRead, active, performance.now(), 0, 0];
      else if (performance.now() - since > answerMs)
        return connection.stream.destroy(lost('it has not answered in time'));
      else if (isOwnSession && ++looks >= silentLooks) {
        const became = await whatBecame(configOf(this.#options, this.#host), this.#pid);
        const isSame =
          this.#inner._getActiveQuery() === active && connection.stream.bytesRead === bytesRead;
        if (isSame && became !== 'unknown') bad = became === 'going on' ? 0 : bad + 1;
        if (isSame && (bad >= badAnswers || became === 'gone'))
          return connection.stream.destroy(lost('the server is not at the statement any more'));
      }
      next();
    };
    const next = () => {
      this.#looking = setTimeout(look, everyMs).unref();
    };
    next();
  }
}

/**
 * The address of the one host that takes writes, for whoever cannot read one of several; an address
 * of one host as it is.
 */
export async function primaryUrl(connectionString: string): Promise<string> {
  if (hostUrls(connectionString).length === 1) return connectionString;
  const client = new UtcClient({ connectionString });
  await client.connect();
  await client.end();
  return hostsInOrder(connectionString)[0] ?? connectionString;
}

/** As many hosts share the time in which there must be a connection. */
function hostMs(count: number): number {
  return Math.round(Math.min(longestHostMs, (limits.waiting.forConnectionMs * 0.9) / count));
}
const longestHostMs = 4_000;

function hostsInOrder(connectionString: string): readonly string[] {
  const hosts = hostUrls(connectionString);
  const good = lastGood.get(connectionString);
  return good === undefined || hosts.length === 1
    ? hosts
    : [good, ...hosts.filter((host) => host !== good)];
}

function configOf(options: ClientOptions, host: string): pg.ClientConfig {
  const { length } = hostUrls(options.connectionString);
  const given = options.connectionTimeoutMillis ?? limits.waiting.forConnectionMs;
  return {
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    ...options,
    connectionString: host,
    connectionTimeoutMillis: length === 1 ? given : Math.min(given, hostMs(length)),
  };
}

/**
 * What another host would say too. A pooler says all that it has to say in words of the protocol (08P01): of what we began with,
 * as another would, and that its own server is gone, which another's may not be.
 */
function isRefusal(error: unknown): boolean {
  const state = sqlstateOf(error) ?? '';
  if (state === sqlstate.protocolViolation) return /startup parameter/.test(messageOf(error));
  return /^(28|3D)/.test(state);
}

function nameOf(host: string): string {
  return readAddress(host).hosts[0]?.name ?? '';
}

function messageOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  return message || errors?.[0]?.message || code || 'no answer';
}

/** The statement that meets it is tried again, as after every connection that is lost. */
function lost(why: string): Error {
  return new Error(`Connection terminated: ${why}`);
}

function noPrimary(said: readonly string[], wants: 'primary' | 'any'): AppError {
  const none = wants === 'primary' ? 'takes writes' : 'answers';
  return new AppError(
    'no-primary',
    503,
    `No host of the database’s address ${none} (${said.join('; ')}): is one of them running, and has a standby been promoted?`,
  );
}
