import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import admin from '../src/admin.ts';
import { buildApp } from '../src/app.ts';
import { createUser } from '../src/auth/users.ts';
import { migrateAll } from '../src/cli/migrate-all.ts';
import { parseConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import { cookieOf, countStatements, csrfOf, formBody } from '../src/testing/app.ts';
import { testContext } from '../src/testing/context.ts';
import { onOwnServer } from './own-server.ts';
import { type Measured, median } from './table.ts';

const password = 'a password of the bench';
const few = 1_000;
const warmUps = 10;
const rounds = 20;

/** What is asked of the page of tasks. */
const paths: Record<string, string> = {
  'all tasks': '/tasks',
  'of a state': '/tasks?state=failed',
  'of a resource that is seldom': '/tasks?resource=tags',
  'of a person who is seldom': '/tasks?person=Eve',
  'of a reason': '/tasks?reason=too-slow',
  'of a queue': '/tasks?queue=mail',
  'of one day': '/tasks?from=2026-01-05&to=2026-01-05',
  'with a text': '/tasks?_q=title%2099',
  'last ended first': '/tasks?_sort=ended',
  'page 40': '/tasks?_page=40',
};

/**
 * The page of tasks over `rows` of them beside the same page over a thousand, in turns: milliseconds
 * of a request, statements, and the ratio, which is to be two at most. Then the overview beside the
 * page of tasks over as many.
 */
export function dashboard({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onOwnServer({}, async ({ connectionString }) => {
    const small = await openSite(connectionString, 'few', few);
    const large = await openSite(connectionString, 'many', rows);
    const measured: Measured[] = [];
    for (const [name, path] of Object.entries(paths))
      measured.push(await measure(name, path, small, large, rounds * pairs));
    measured.push({
      case: 'median of the ratios',
      ratio: median(measured.map(({ ratio }) => Number(ratio))),
    });
    measured.push(...(await measureOverview(large, rounds * pairs)));
    await small.close();
    await large.close();
    return measured;
  });
}

interface Site {
  db: Database;
  request(path: string): Promise<number>;
  close(): Promise<void>;
}

async function openSite(server: string, name: string, count: number): Promise<Site> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const address = new URL(server);
  address.pathname = `/${name}`;
  const connectionString = address.href;
  await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, admin);
  const db = await openDatabase({ connectionString, pagesPoolSize: 4 });
  await fill(db, count);
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of the bench that is long enough',
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_RATE_LIMIT: '1000000',
  });
  const app = await buildApp({ admin, config, context: testContext(db) });
  await createUser(db, { email: 'bench@example.test', name: 'Bench', password, roles: ['admin'] });
  const cookie = await signIn(app);
  return {
    db,
    async request(path) {
      const start = performance.now();
      const answer = await app.inject({ url: path, headers: { cookie } });
      if (answer.statusCode !== 200)
        throw new Error(`${path} was answered ${answer.statusCode}: ${answer.body.slice(0, 500)}`);
      return performance.now() - start;
    },
    async close() {
      await app.close();
      await db.close();
    },
  };
}

async function signIn(app: FastifyInstance): Promise<string> {
  const form = await app.inject('/sign-in');
  const signedIn = await app.inject({
    method: 'POST',
    url: '/sign-in',
    ...formBody({ email: 'bench@example.test', password, _csrf: csrfOf(form.body) }),
    headers: { cookie: cookieOf(form), 'content-type': 'application/x-www-form-urlencoded' },
  });
  return cookieOf(signedIn);
}

/** A minute apart, most of them done; one in a hundred of what is seldom. */
async function fill({ pages, t }: Database, count: number): Promise<void> {
  await pages.query(
    `insert into ${t.task} (kind, resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, reason, queue, created_at, started_at, finished_at, total, done, changed)
     select case when n % 10 = 0 then 'own' else 'bulk' end, case when n % 10 = 0 then null when n % 100 = 1 then 'tags' else 'cities' end,
       case when n % 10 = 0 then null else 'City' end, 'update', 'Title ' || n, 'queue', case when n % 100 = 3 then 'eve' else 'ada' end,
       case when n % 100 = 3 then 'Eve' else 'Ada' end, '{}', case when n % 10 = 0 then '{}' else '{"changes":[]}' end::jsonb,
       case when n % 10 > 0 then '{"kind":"ticked","filter":""}'::jsonb end, case when n % 100 = 7 then 'failed' else 'succeeded' end,
       case when n % 100 = 7 then 'too-slow' end, case when n % 100 = 10 then 'mail' else 'default' end, at, at, at + interval '30 s', 100, 100, 100
     from generate_series(1, $1::int) n cross join lateral (select timestamptz '2026-01-01 00:00Z' + n * interval '1 minute' as at) made`,
    [count],
  );
  await pages.query(`vacuum (analyze) ${t.task}`);
}

async function measure(
  name: string,
  path: string,
  small: Site,
  large: Site,
  times: number,
): Promise<Measured> {
  for (let warm = 0; warm < warmUps; warm++)
    for (const site of [small, large]) await site.request(path);
  const [fewMs, manyMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < times; round++) {
    fewMs.push(await small.request(path));
    manyMs.push(await large.request(path));
  }
  const { statements } = await countStatements(large.db, () => large.request(path));
  return {
    case: name,
    rounds: times,
    statements: statements.length,
    fewMs: median(fewMs),
    manyMs: median(manyMs),
    ratio: median(manyMs) / median(fewMs),
  };
}

/** The overview beside the page of tasks, in turns, where the last task has just ended: 1,440 a day. */
async function measureOverview(site: Site, times: number): Promise<Measured[]> {
  const { pages, t } = site.db;
  await pages.query(
    `update ${t.task} set created_at = created_at + late, started_at = started_at + late, finished_at = finished_at + late
     from (select now() - max(finished_at) as late from ${t.task}) shift`,
  );
  await pages.query(`vacuum (full, analyze) ${t.task}`);
  const reference = '/tasks';
  const measured: Measured[] = [];
  for (const path of ['/tasks/overview', '/tasks/overview?of=week']) {
    for (let warm = 0; warm < warmUps; warm++)
      for (const one of [reference, path]) await site.request(one);
    const [tasksMs, overviewMs]: [number[], number[]] = [[], []];
    for (let round = 0; round < times; round++) {
      tasksMs.push(await site.request(reference));
      overviewMs.push(await site.request(path));
    }
    const { statements } = await countStatements(site.db, () => site.request(path));
    measured.push({
      case: `${path} beside ${reference}`,
      rounds: times,
      statements: statements.length,
      tasksMs: median(tasksMs),
      overviewMs: median(overviewMs),
      ratio: median(overviewMs) / median(tasksMs),
    });
  }
  return measured;
}
