import type { TestContext } from 'node:test';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import sample from '../admin.ts';
import type { Principal } from '../auth/principal.ts';
import type { Role } from '../auth/users.ts';
import { migrateAll } from '../cli/migrate-all.ts';
import { type Config, parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { openSite } from '../open-site.ts';
import type { TaskContext } from '../tasks/context.ts';
import { csrfOf, emailOf, formBody } from './app.ts';
import {
  type StandbyServer,
  type StreamingServer,
  startPrimary,
  startStandby,
} from './standby-server.ts';
import { until } from './until.ts';
import { insertUsers, testPassword } from './users.ts';

/** A person's browser, which keeps the cookies that it is given. */
export interface CookieJar {
  readonly cookies: Map<string, string>;
  get(path: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  post(
    path: string,
    body?: Record<string, string | readonly string[]>,
  ): Promise<LightMyRequestResponse>;
}

export interface StandbyApp {
  readonly app: FastifyInstance;
  readonly primary: StreamingServer;
  readonly standby: StandbyServer;
  /** Of the primary. */
  readonly db: Database;
  readonly context: TaskContext;
  readonly config: Config;
  /** What was logged, by the words. */
  readonly logged: readonly string[];
  readonly people: ReadonlyMap<Role, Principal>;
  signIn(role: Role): Promise<CookieJar>;
  /** The standby stands still, or goes on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

const database = 'gazetteer';

/** The sample, as `start` opens it, over a primary and a standby of the test's own. */
export async function standbyApp(
  t: Pick<TestContext, 'after'>,
  env: Record<string, string> = {},
): Promise<StandbyApp> {
  const primary = await startPrimary();
  t.after(() => primary.stop());
  await primary.query(`create database ${database}`);
  const connectionString = primary.urlOf(database);
  await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, sample);
  const standby = await startStandby(primary, { settings: { max_standby_streaming_delay: '0' } });
  t.after(() => standby.stop());
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of tests that is long enough',
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_READ_MAX_LAG_MS: '3600000',
    READ_DATABASE_URL: standby.urlOf(database),
    ...env,
  });
  const logged: string[] = [];
  const { app, context, stop } = await openSite({
    admin: { ...sample, schedules: [] },
    ...{ config, connectionString, direct: connectionString, hasWorker: true },
    log: (level, message) => level !== 'debug' && logged.push(message),
  });
  t.after(() => stop());
  const people = await insertUsers(context.db, (role) => ({ email: emailOf(role), name: role }));
  return {
    ...{ primary, standby, app, db: context.db, context, config, logged, people },
    async signIn(role) {
      const browser = browse((options) => app.inject(options));
      await browser.get('/sign-in');
      const { statusCode } = await browser.post('/sign-in', {
        ...{ email: emailOf(role), password: testPassword },
      });
      if (statusCode !== 303) throw new Error(`signing in as ${role} was answered ${statusCode}`);
      // What signing in has written is replayed, and the home page has said that it keeps cookies.
      await browser.get('/');
      for (const name of browser.cookies.keys())
        if (name.startsWith('bulkhead_written_')) browser.cookies.delete(name);
      return browser;
    },
    async pause() {
      await standby.query('select pg_wal_replay_pause()');
      await until(async () => {
        const [found] = await standby.query<{ state: string }>(
          'select pg_get_wal_replay_pause_state() as state',
        );
        return found?.state === 'paused';
      });
    },
    async resume() {
      await standby.query('select pg_wal_replay_resume()');
    },
  };
}

function browse(inject: (options: InjectOptions) => Promise<LightMyRequestResponse>): CookieJar {
  const cookies = new Map<string, string>();
  let token = '';
  const send = async (options: InjectOptions, headers: Record<string, string> = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const answer = await inject({
      ...options,
      headers: { cookie: cookie.join('; '), ...options.headers, ...headers },
    });
    for (const { name, value } of answer.cookies) cookies.set(name, value);
    token = csrfOf(answer.body) || token;
    return answer;
  };
  return {
    cookies,
    get: (path, headers) => send({ url: path }, headers),
    post: (path, body = {}) =>
      send({ method: 'POST', url: path, ...formBody({ _csrf: token, ...body }) }),
  };
}
