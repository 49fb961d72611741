import type { TestContext } from 'node:test';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import { resourceDefaultsOf, settingsOf, taskSettingsOf } from '../admin-settings.ts';
import { buildApp } from '../app.ts';
import type { Principal } from '../auth/principal.ts';
import type { Role } from '../auth/users.ts';
import { type Config, parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import type { TaskContext, TaskSettings } from '../tasks/context.ts';
import { testContext, unhurriedMs } from './context.ts';
import { type TestDatabase, type TestDatabaseOptions, testDatabase } from './database.ts';
import { recordStatements } from './record-statements.ts';
import { insertUsers, testPassword } from './users.ts';

export { testPassword };
export const emailOf = (role: Role) => `${role}@example.test`;

/** Somebody signed in, and a way to send requests as them. */
export interface Visitor {
  principal: Principal;
  cookie: string;
  csrf: string;
  get(path: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  /** A form as a browser sends it, with the token; a list is sent as a repeated key. */
  post(
    path: string,
    body?: Form,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>;
}

type Form = Record<string, string | readonly string[]>;

export interface TestApp {
  app: FastifyInstance;
  db: Database;
  context: TaskContext;
  connectionString: string;
  config: Config;
  /** Of the user with this role. */
  signIn(role: Role): Promise<Visitor>;
}

export const htmx = { 'hx-request': 'true' };

/** The app over a database of the test's own, with a user for each role. Nothing listens. */
export async function testApp(
  t: Pick<TestContext, 'after'>,
  {
    admin: given = sample,
    env = {},
    settings = {},
    prepare = ({ db }) => db,
    ...options
  }: {
    /** Or what makes one over the test's database. */
    admin?: AdminDefinition | ((connectionString: string) => Promise<AdminDefinition>);
    env?: Record<string, string>;
    settings?: Partial<TaskSettings>;
    /** Changes the database before the app begins; returns it as the app is to reach it. */
    prepare?: (database: TestDatabase) => Database | Promise<Database>;
  } & TestDatabaseOptions = {},
): Promise<TestApp> {
  const database = await testDatabase(t, options);
  const { connectionString } = database;
  const db = await prepare(database);
  const admin = typeof given === 'function' ? await given(connectionString) : given;
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of tests that is long enough',
    BULKHEAD_LOG_LEVEL: 'silent',
    ...env,
  });
  const nearer = settingsOf(config, admin);
  const context = testContext(
    db,
    { ...taskSettingsOf(nearer), previewMs: unhurriedMs, ...settings },
    resourceDefaultsOf(nearer),
    admin,
    undefined,
    config.BULKHEAD_ENCRYPTION_KEYS,
    env,
  );
  const app = await buildApp({ admin, config, context });
  t.after(() => app.close());
  const nameOf = (role: Role) => `${role[0]?.toUpperCase()}${role.slice(1)}`;
  const principals = await insertUsers(db, (role) => ({
    email: emailOf(role),
    name: nameOf(role),
  }));
  const signIn = async (role: Role) =>
    visit(app, config.BULKHEAD_PREFIX, role, principals.get(role) as Principal);
  return { app, db, context, connectionString, config, signIn };
}

async function visit(
  app: FastifyInstance,
  prefix: string,
  role: Role,
  principal: Principal,
): Promise<Visitor> {
  const form = await app.inject(`${prefix}/sign-in`);
  const answer = await app.inject({
    method: 'POST',
    url: `${prefix}/sign-in`,
    ...formBody({ email: emailOf(role), password: testPassword, _csrf: csrfOf(form.body) }),
    headers: { cookie: cookieOf(form), 'content-type': 'application/x-www-form-urlencoded' },
  });
  if (answer.statusCode !== 303)
    throw new Error(`signing in as ${role} was answered ${answer.statusCode}: ${answer.body}`);
  const cookie = cookieOf(answer);
  const send = (options: InjectOptions, headers: Record<string, string> = {}) =>
    app.inject({ ...options, headers: { cookie, ...options.headers, ...headers } });
  const home = await send({ url: `${prefix}/` });
  const csrf = csrfOf(home.body);
  return {
    principal,
    cookie,
    csrf,
    get: (path, headers) => send({ url: path }, headers),
    post: (path, body = {}, headers) =>
      send({ method: 'POST', url: path, ...formBody({ _csrf: csrf, ...body }) }, headers),
  };
}

export function formBody(form: Form): { payload: string; headers: Record<string, string> } {
  const pairs = Object.entries(form).flatMap(([key, value]) =>
    [value].flat().map((one) => [key, String(one)]),
  );
  return {
    payload: new URLSearchParams(pairs).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
}

export function csrfOf(html: string): string {
  return /name="_csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
}

export function cookieOf(answer: LightMyRequestResponse): string {
  return answer.cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('; ');
}

/** Every statement that was sent to the database while `work` ran. */
export async function countStatements<T>(
  db: Database,
  work: () => Promise<T>,
): Promise<{ result: T; statements: string[] }> {
  const { result, statements } = await recordStatements(db, work);
  return { result, statements: statements.map(({ text }) => text) };
}
