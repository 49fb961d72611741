import { EventEmitter } from 'node:events';
import { promisify } from 'node:util';
import connectPgSimple from 'connect-pg-simple';
import type { Session } from 'fastify';
import type { Pool } from 'pg';
import type { Database } from '../db/database.ts';
import { databaseNow } from '../db/database-now.ts';
import { queryPrepared } from '../db/prepared.ts';
import type { Claims, Principal } from './principal.ts';
import { type Unseen, unseenSql } from './unseen.ts';
import { passwordMark } from './users.ts';

declare module 'fastify' {
  interface Session {
    userId?: string;
    /**
     * Mark of the user's password at sign-in; a new password changes the mark and so ends the
     * session.
     */
    passwordMark?: string;
    /** Read with the session, never stored in it. */
    user?: Principal | null;
    /** Messages that they have not read; read with it too. */
    unseen?: Unseen;
    /** When it ends unless it is prolonged, in ms; read with it too. */
    endsAt?: number;
    /** When its user signed in, in ms. */
    startedAt?: number;
    /** From where they did. */
    from?: { address: string; browser: string };
    _csrf?: string;
    flash?: {
      level: 'success' | 'warning' | 'error' | 'info';
      message: string;
      link?: { href: string; label: string };
    };
  }
}

type Done = (error: unknown, session?: Session | null) => void;

// The package asks for an express-session to take its base class from; any emitter will do.
const PgStore = connectPgSimple({ Store: EventEmitter } as never) as unknown as new (
  options: object,
) => {
  set(id: string, session: Session, done: (error?: unknown) => void): void;
  destroy(id: string, done: (error?: unknown) => void): void;
  close(): Promise<void>;
};

/** How long a session lasts: idle, and at most. */
export interface SessionLimits {
  idleMs: number;
  maxMs: number;
}

/**
 * A session is prolonged at most this often, so somebody at work costs a write now and then, not
 * one a request.
 */
const prolongedEveryMs = 5 * 60_000;

/** Sessions in Postgres; reading one brings its user along in the same statement. */
export class SessionStore extends PgStore {
  readonly #db: Database;
  readonly #limits: SessionLimits;
  /** By how much the clock of the database is ahead of ours, which may be off; null: not asked yet. */
  #aheadMs: number | null = null;

  constructor(db: Database, limits: SessionLimits, onError: (error: unknown) => void) {
    super({
      pool: db.pages as Pool,
      schemaName: db.schema,
      tableName: 'session',
      // It would forget by our clock, which may be off: those that are over are purged with the rest.
      pruneSessionInterval: false,
      errorLog: (...messages: unknown[]) => onError(messages.at(-1)),
    });
    this.#db = db;
    this.#limits = limits;
  }

  get(id: string, done: Done): void {
    const { pages, t } = this.#db;
    queryPrepared<SessionRow>(pages, {
      text: `select session.sess, session.expire::timestamptz as "endsAt", (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs", "user".id, "user".name, "user".email, "user".roles, "user".claims, "user".password_hash as "passwordHash",
        ${unseenSql(this.#db.t, '"user".id::text')} as unseen
        from ${t.session} session
        left join ${t.user} "user" on "user".id = (session.sess ->> 'userId')::uuid and "user".deactivated_at is null
        where session.sid = $1 and session.expire > now()`,
      values: [id],
    }).then(({ rows: [row] }) => {
      if (!row) return done(null, null);
      this.#aheadMs = row.nowMs - Date.now();
      done(null, readRow(row, this.#aheadMs));
    }, done);
  }

  override set(id: string, session: Session, done: (error?: unknown) => void): void {
    this.#keep(id, session).then(() => done(), done);
  }

  async #keep(id: string, session: Session): Promise<void> {
    this.#aheadMs ??= (await databaseNow(this.#db.pages)) - Date.now();
    const { user: _user, unseen: _unseen, endsAt: _endsAt, ...stored } = session;
    // The cookie's own expiry is not stored: the browser keeps the cookie for as long as a session
    // can be prolonged.
    const expires = new Date(this.#endOf(session, this.#nowMs()));
    const kept = { ...stored, cookie: { ...stored.cookie, expires } } as Session;
    // One that was read is still there, or was ended meanwhile: a late answer does not bring it back.
    if (session.endsAt !== undefined) return this.#rewrite(id, kept, expires);
    await promisify<void>((done) => super.set(id, kept, done))();
  }

  async #rewrite(id: string, session: Session, expires: Date): Promise<void> {
    const { pages, t } = this.#db;
    await pages.query(
      `update ${t.session} set sess = $2, expire = $3::timestamptz where sid = $1`,
      [id, session, expires],
    );
  }

  /**
   * Prolongs a session after a request. A session from before there was a limit ends when it would
   * have ended then.
   */
  async prolong(id: string, session: Session): Promise<void> {
    const { startedAt, endsAt } = session;
    if (startedAt === undefined || endsAt === undefined) return;
    const wanted = this.#endOf(session, this.#nowMs());
    if (wanted - endsAt < prolongedEveryMs) return;
    const { pages, t } = this.#db;
    // Skips a row that another request holds: that request prolongs the session, or ends it.
    const free = `select sid from ${t.session} where sid = $1 and expire < $2::timestamptz for update skip locked`;
    await pages.query(`update ${t.session} set expire = $2::timestamptz where sid in (${free})`, [
      id,
      new Date(wanted),
    ]);
  }

  /** By the clock of the database, which all processes share. */
  #nowMs(): number {
    return Date.now() + (this.#aheadMs ?? 0);
  }

  #endOf({ startedAt }: Session, now: number): number {
    const { idleMs, maxMs } = this.#limits;
    return Math.min(now + idleMs, (startedAt ?? now) + maxMs);
  }
}

/** A session with its user, who is all null where they are none any more. */
interface SessionRow {
  sess: Session;
  endsAt: Date;
  nowMs: number;
  id: string | null;
  name: string;
  email: string;
  roles: string[];
  claims: Claims;
  passwordHash: string;
  unseen: Unseen;
}

function readRow(
  { sess, endsAt, nowMs: _, id, passwordHash, unseen, ...known }: SessionRow,
  aheadMs: number,
): Session {
  // A session that began with another password is nobody's.
  const isTheirs = id !== null && passwordMark(passwordHash) === sess.passwordMark;
  return {
    ...sess,
    // What looks whether it is over does so by our clock.
    cookie: { ...sess.cookie, expires: new Date(endsAt.getTime() - aheadMs) },
    user: isTheirs ? { id, ...known } : null,
    unseen,
    endsAt: endsAt.getTime(),
  };
}
