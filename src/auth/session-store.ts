import { EventEmitter } from 'node:events';
import connectPgSimple from 'connect-pg-simple';
import type { Session } from 'fastify';
import type { Pool } from 'pg';
import type { Database } from '../db/database.ts';
import type { Principal } from './principal.ts';

declare module 'fastify' {
  interface Session {
    userId?: string;
    /** Read with the session, never stored in it. */
    user?: Principal | null;
    _csrf?: string;
    flash?: { level: 'success' | 'warning' | 'error' | 'info'; message: string; link?: { href: string; label: string } };
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

/** Sessions in Postgres; reading one brings its user along in the same statement. */
export class SessionStore extends PgStore {
  readonly #db: Database;

  constructor(db: Database, onError: (error: unknown) => void) {
    super({ pool: db.pages as Pool, schemaName: db.schema, tableName: 'session', errorLog: (...told: unknown[]) => onError(told.at(-1)) });
    this.#db = db;
  }

  get(id: string, done: Done): void {
    const { pages, t } = this.#db;
    pages
      .query<{ sess: Session; user: Principal | null }>(
        `select session.sess, case when "user".id is not null then json_build_object(
           'id', "user".id, 'name', "user".name, 'email', "user".email, 'roles', "user".roles) end as "user"
         from ${t.session} session
         left join ${t.user} "user" on "user".id = (session.sess ->> 'userId')::uuid and "user".deactivated_at is null
         where session.sid = $1 and session.expire > now()`,
        [id],
      )
      .then(({ rows: [row] }) => done(null, row ? { ...row.sess, user: row.user } : null), done);
  }

  override set(id: string, session: Session, done: (error?: unknown) => void): void {
    const { user: _, ...stored } = session;
    super.set(id, stored, done);
  }
}
