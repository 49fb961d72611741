import session from '@fastify/session';
import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { SessionStore } from '../../auth/session-store.ts';
import type { Config } from '../../config.ts';
import type { Database } from '../../db/database.ts';
import type { Flash } from '../flash.ts';
import { wantsJson } from '../negotiate.ts';

export interface SessionOptions {
  db: Database;
  config: Config;
  secret: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asked by pages on their own, again and again. */
    isPolled?: boolean;
  }
}

export const sessionCookie = 'bulkhead_session';

export const sessions = plugin<SessionOptions>(
  async (app, { db, config, secret }) => {
    const limits = {
      idleMs: config.BULKHEAD_SESSION_HOURS * 3_600_000,
      maxMs: config.BULKHEAD_SESSION_DAYS * 86_400_000,
    };
    const store = new SessionStore(db, limits, (error) =>
      app.log.error(error, 'sessions could not be cleaned up'),
    );
    await app.register(session, {
      secret,
      store,
      cookieName: sessionCookie,
      cookie: {
        path: config.BULKHEAD_PREFIX === '' ? '/' : config.BULKHEAD_PREFIX,
        httpOnly: true,
        sameSite: 'lax',
        secure: config.BULKHEAD_SECURE_COOKIES,
        maxAge: limits.maxMs,
      },
      // By default every answer writes its session; a poll must not.
      rolling: false,
      saveUninitialized: false,
    });
    let isTold = !config.BULKHEAD_SECURE_COOKIES;
    app.addHook('onRequest', async (request) => {
      const { session } = request;
      if (!isTold && request.protocol !== 'https') {
        isTold = true;
        request.log.warn(
          'Nobody can sign in: BULKHEAD_SECURE_COOKIES is true, and the proxy sends no X-Forwarded-Proto: https',
        );
      }
      if (session.user && isOfPerson(request)) await store.prolong(session.sessionId, session);
    });
    app.addHook('onClose', () => store.close());
    app.decorateReply('keepFlash', function (this: FastifyReply, flash: Flash) {
      this.request.session.flash = flash;
    });
    app.decorateReply('takeFlash', function (this: FastifyReply) {
      const { session } = this.request;
      if (!session?.flash) return null;
      const { flash } = session;
      delete session.flash;
      return flash;
    });
  },
  { name: 'bulkhead-session', dependencies: ['bulkhead-cookie'] },
);

/**
 * Pages ask by themselves how a task goes, and a list looks again when one has ended; programs ask
 * when they please.
 */
function isOfPerson(request: FastifyRequest): boolean {
  const isListAgain = request.headers['hx-trigger'] === 'records';
  return request.routeOptions.config?.isPolled !== true && !isListAgain && !wantsJson(request);
}
