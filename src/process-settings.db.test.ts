import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sample from './admin.ts';
import { buildApp } from './app.ts';
import { sessionSecret } from './auth/session-secret.ts';
import { buildContext } from './build-context.ts';
import { directUrl } from './cli/connection.ts';
import { migrateAll } from './cli/migrate-all.ts';
import { servePages } from './cli/serve-pages.ts';
import { parseConfig } from './config.ts';
import { freePort } from './db/free-port.ts';
import { runWorker } from './run-worker.ts';
import { recount } from './sample/recount.ts';
import { launchOwn } from './tasks/own/launch-own.ts';
import { testApp } from './testing/app.ts';
import { ada } from './testing/context.ts';
import { testDatabase } from './testing/database.ts';
import { keptLog } from './testing/kept-log.ts';
import { install } from './testing/setting-levels.ts';
import { startTransactionPooler } from './testing/transaction-pooler.ts';

const secret = { BULKHEAD_SESSION_SECRET: 'a secret of tests that is long enough' };

test('the pages listen on the address and the port of the environment', async (t) => {
  const serve = async (env: Record<string, string>) => {
    const { admin, config, context, defer } = await install(t, { env: { ...secret, ...env } });
    const app = await buildApp({ admin, config, context });
    defer(() => app.close());
    const address = await servePages(app, config);
    const bound = app.server.address() as { address: string; port: number };
    assert.equal((await fetch(`http://127.0.0.1:${bound.port}/healthz`)).status, 200);
    return { ...bound, said: address };
  };
  const port = await freePort();
  const [all, own] = [
    await serve({ HOST: '0.0.0.0', PORT: '0' }),
    await serve({ PORT: String(port) }),
  ];
  assert.deepEqual([all.address, own.address, own.port], ['0.0.0.0', '127.0.0.1', port]);
  assert.equal(own.said, `http://127.0.0.1:${port}`);
});

test('a session is known to every process with the same secret, said or kept in the folder, and to no other', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-secret-'));
  t.after(() => rm(folder, { recursive: true }));
  const kept = { BULKHEAD_FOLDER: join(folder, 'state') };
  const made = { BULKHEAD_SESSION_SECRET: await sessionSecret(parseConfig(kept)) };
  assert.deepEqual(await readdir(join(folder, 'state')), ['session-secret']);
  const { context, signIn } = await testApp(t, { env: made });
  const { cookie } = await signIn('admin');
  const lets = async (env: Record<string, string>) => {
    const config = parseConfig({ BULKHEAD_LOG_LEVEL: 'silent', ...env });
    const app = await buildApp({ admin: sample, config, context });
    t.after(() => app.close());
    return (await app.inject({ url: '/', headers: { cookie } })).statusCode;
  };
  const elsewhere = { BULKHEAD_FOLDER: join(folder, 'elsewhere') };
  assert.deepEqual(
    [await lets(made), await lets(kept), await lets(secret), await lets(elsewhere)],
    [200, 200, 303, 303],
  );
});

test('pages have as many connections as the environment says', async (t) => {
  const connections = async (env: Record<string, string>) => {
    const { db } = await install(t, { env });
    const asked = Array.from({ length: 15 }, () => db.pages.query('select pg_sleep(0.05)'));
    await Promise.all(asked);
    const { rows } = await db.background.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'bulkhead pages'`,
    );
    return rows[0]?.n;
  };
  assert.deepEqual(
    [await connections({}), await connections({ BULKHEAD_PAGES_POOL_SIZE: '3' })],
    [10, 3],
  );
});

test('workers go to the database itself, past the pooler of the pages', async (t) => {
  const { admin, connectionString, db, defer } = await install(t, {});
  const name = new URL(connectionString).pathname.slice(1);
  await db.pages.query(`alter database ${name} set timezone = 'UTC'`);
  const pooler = await startTransactionPooler(connectionString, 2);
  defer(() => pooler.stop());
  const DATABASE_URL = pooler.through(connectionString);
  const beginBy = async (env: Record<string, string>) => {
    const config = parseConfig(env);
    return runWorker(directUrl(config), config, admin, () => undefined);
  };
  await assert.rejects(beginBy({ DATABASE_URL }), { code: 'shared-sessions' });
  const worker = await beginBy({ DATABASE_URL, DIRECT_DATABASE_URL: connectionString });
  defer(() => worker.stop());
});

test('our tables and the queue’s are in the schema of the environment', async (t) => {
  const { db: outside, connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const config = parseConfig({ BULKHEAD_DATABASE_SCHEMA: 'back_office' });
  const admin = { ...sample, schedules: [], taskHooks: [] };
  await migrateAll(connectionString, config, admin);
  const { db, context } = await buildContext(connectionString, config, admin, () => undefined);
  defer(() => db.close());
  await launchOwn(context, recount, { country: 'ESP' }, { principal: ada });
  const { rows } = await outside.pages.query(
    `select (select count(*)::int from back_office.task) as tasks, to_regclass('back_office_queue.jobs') is not null as "hasQueue",
       (select array_agg(nspname::text order by nspname) from pg_namespace where nspname !~ '^(pg_|information_schema)') as schemas`,
  );
  assert.deepEqual(rows, [
    {
      tasks: 1,
      hasQueue: true,
      schemas: ['back_office', 'back_office_queue', 'gazetteer', 'public'],
    },
  ]);
});

/** Runs `npm run work` without npm, until it ends or has been stopped once it runs. */
async function work(t: TestContext, env: Record<string, string>): Promise<string> {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'cli/work.ts')], {
    env: { ...rest, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  child.stdout.on('data', (text) => {
    if (String(text).includes('A worker is running.')) child.kill('SIGTERM');
  });
  await once(child, 'close');
  return said;
}

test('the log has what is as grave as the environment says, and nothing less', async (t) => {
  const { db, connectionString: DATABASE_URL } = await testDatabase(t);
  const levels = async (env: Record<string, string>) => {
    // Whoever begins finds one that has died, which is a warning.
    await db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'elsewhere', 1)`, [
      randomUUID(),
    ]);
    const lines = (await work(t, { DATABASE_URL, ...env })).match(/^\{.*\}$/gm) ?? [];
    return [...new Set(lines.map((line) => JSON.parse(line).level))].sort();
  };
  assert.deepEqual(
    [
      await levels({}),
      await levels({ BULKHEAD_LOG_LEVEL: 'debug' }),
      await levels({ BULKHEAD_LOG_LEVEL: 'error' }),
    ],
    [['warn'], ['debug', 'warn'], []],
  );
});

test('the pages log what is as grave as the environment says', async (t) => {
  const { context } = await install(t, {});
  const levels: boolean[][] = [];
  for (const BULKHEAD_LOG_LEVEL of ['', 'debug', 'error', 'silent']) {
    const config = parseConfig({ ...secret, BULKHEAD_LOG_LEVEL });
    const lines: string[] = [];
    const log = keptLog(config.BULKHEAD_LOG_LEVEL, lines);
    const app = await buildApp({ admin: sample, config, context: { ...context, log } });
    t.after(() => app.close());
    for (const level of ['debug', 'warn', 'error'] as const) app.log[level]('said');
    const said = lines.map((line) => JSON.parse(line).level);
    levels.push(['debug', 'warn', 'error'].map((level) => said.includes(level)));
  }
  assert.deepEqual(levels, [
    [false, true, true],
    [true, true, true],
    [false, false, true],
    [false, false, false],
  ]);
});

test('a name that is no setting refuses the start where the environment says so', async (t) => {
  const misspelt = { BULKHEAD_PREFX: '/x' };
  const [ignored, refused] = [
    await work(t, misspelt),
    await work(t, { ...misspelt, BULKHEAD_STRICT: 'true' }),
  ];
  assert.match(
    ignored,
    /There is no setting BULKHEAD_PREFX .*: it is ignored\.\nSet DATABASE_URL:/,
  );
  assert.match(refused, /BULKHEAD_STRICT refuses them\.$/m);
  assert.doesNotMatch(refused, /Set DATABASE_URL/);
});
