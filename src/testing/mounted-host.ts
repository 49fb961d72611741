import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { bulkhead, type MountOptions } from '../index.ts';
import { openBrowser } from './browse.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { fastifyHost, type Members, memberOf } from './fastify-host.ts';
import { mountedAdmin } from './mounted-journey.ts';
import { insertPlaces } from './places.ts';

const secret = 'a secret of tests that is long enough';

/** For what an app in this process reads of the environment. */
function withEnvironment(t: TestContext, values: Record<string, string>): void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  t.after(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
}

/** Three places, and an environment for an app of this process. */
export async function mountedDatabase(t: TestContext): Promise<TestDatabase> {
  const database = await testDatabase(t);
  await insertPlaces(database.db, 3);
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-mounted-'));
  database.defer(() => rmSync(folder, { recursive: true, force: true }));
  withEnvironment(t, {
    BULKHEAD_SESSION_SECRET: secret,
    BULKHEAD_FOLDER: folder,
    BULKHEAD_MIN_ASYNC_RECORDS: '1',
  });
  return database;
}

/** A host with the admin mounted at these prefixes, and members who sign in with the host. */
export async function mountedHost(
  t: TestContext,
  prefixes: readonly string[] = ['/admin'],
  given: Partial<MountOptions<FastifyRequest>> = {},
) {
  const database = await mountedDatabase(t);
  const { connectionString } = database;
  const members: Members = new Map(
    [memberOf('cleo', 'admin'), memberOf('dan', 'editor')].map((one) => [one.id, one]),
  );
  const host = await fastifyHost(members);
  database.defer(() => host.close());
  const options = {
    admin: mountedAdmin,
    getUser: ({ session }: FastifyRequest) => members.get(session.member ?? ''),
    refreshUser: (id: string) => members.get(id),
    databaseUrl: connectionString,
    ...given,
  };
  for (const [index, prefix] of prefixes.entries())
    await host.register(bulkhead, { ...options, prefix, worker: index === 0 });
  const origin = await host.listen({ port: 0, host: '127.0.0.1' });
  const signIn = async (id: string) => {
    const browser = openBrowser(origin);
    assert.equal((await browser.post('/login', { id })).status, 303);
    return browser;
  };
  return { ...database, host, members, options, origin, signIn };
}
