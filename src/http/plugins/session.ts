import session from '@fastify/session';
import plugin from 'fastify-plugin';
import { SessionStore } from '../../auth/session-store.ts';
import type { Config } from '../../config.ts';
import type { Database } from '../../db/database.ts';

export interface SessionOptions {
  db: Database;
  config: Config;
  secret: string;
}

export const sessionCookie = 'bulkhead_session';

export const sessions = plugin<SessionOptions>(
  async (app, { db, config, secret }) => {
    const store = new SessionStore(db, (error) => app.log.error(error, 'sessions could not be cleaned up'));
    await app.register(session, {
      secret,
      store,
      cookieName: sessionCookie,
      cookie: {
        path: config.BULKHEAD_PREFIX === '' ? '/' : config.BULKHEAD_PREFIX,
        httpOnly: true,
        sameSite: 'lax',
        secure: config.BULKHEAD_SECURE_COOKIES,
        maxAge: config.BULKHEAD_SESSION_HOURS * 3_600_000,
      },
      // By default every answer writes its session; a poll must not.
      rolling: false,
      saveUninitialized: false,
    });
    app.addHook('onClose', () => store.close());
  },
  { name: 'bulkhead-session', dependencies: ['bulkhead-cookie'] },
);
