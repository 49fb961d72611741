import type { AddressInfo } from 'node:net';
import admin from '../src/admin.ts';
import { buildApp } from '../src/app.ts';
import { createUser } from '../src/auth/users.ts';
import { migrateAll } from '../src/cli/migrate-all.ts';
import { parseConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import { createIndexes, findWantedIndexes } from '../src/selection/wanted-indexes.ts';
import { cookieOf, csrfOf, formBody } from '../src/testing/app.ts';
import { testContext } from '../src/testing/context.ts';
import { onOwnServer } from './own-server.ts';
import { type Measured, median } from './table.ts';

const password = 'a password of the bench';
const connections = 4;
const warmUps = 20;

/** A page of the list, and the bare SQL that reads the same rows. */
interface Case {
  name: string;
  path: string;
  sql: string;
}

/**
 * A page of places among `rows`: what one request costs the database and its reader, beside the
 * bare SQL for the same rows. Statements, time and rows are the database's own counts
 * (pg_stat_statements, pg_stat_user_*), over `rounds` requests each. The indexes are the sample's
 * own and those that `npm run bulkhead -- indexes --create` adds.
 */
export async function list({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onOwnServer({ preload: ['pg_stat_statements'] }, async ({ connectionString }) => {
    await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, admin);
    await admin.seed?.(connectionString, () => undefined);
    const db = await openDatabase({ connectionString, pagesPoolSize: connections });
    await fill(db, rows);
    const measured = await measureLists(db, rows, pairs * 40);
    await db.close();
    return measured;
  });
}

/** Copies of the gazetteer up to so many rows, numbered so that names differ. */
async function fill(db: Database, rows: number): Promise<void> {
  const { rows: indexes } = await db.pages.query<{ name: string; sql: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as sql from pg_index where indrelid = 'gazetteer.city'::regclass and not indisprimary`,
  );
  for (const { name } of indexes) await db.pages.query(`drop index ${name}`);
  const { rows: counted } = await db.pages.query<{ count: number }>(
    'select count(*)::int as count from gazetteer.city',
  );
  const given = counted[0]?.count ?? 0;
  await db.pages.query(
    `insert into gazetteer.city (id, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, created_at, updated_at)
     select row_number() over () + $2, name || ' ' || copy, alt_name, country_code, feature_code, admin_code, population + copy, latitude, longitude, status, featured, rating, created_at, updated_at
     from generate_series(1, $1::int) copy cross join gazetteer.city limit greatest(0, $3::bigint - $2)`,
    [Math.ceil(rows / given), given, rows],
  );
  for (const { sql } of indexes) await db.pages.query(sql);
  const context = testContext(db);
  await createIndexes(
    db.pages,
    await findWantedIndexes(db.pages, context.registry),
    () => undefined,
  );
  await db.pages.query('vacuum (analyze) gazetteer.city');
  await db.pages.query('create extension pg_stat_statements');
}

async function casesOf(db: Database, rows: number, isSearched: boolean): Promise<Case[]> {
  const columns =
    'c.id, c.name, c.country_code, o.name as country, c.feature_code, c.population, c.status, c.featured, c.rating, c.updated_at';
  const bare = (where: string, order: string) =>
    `select ${columns} from gazetteer.city c join gazetteer.country o on o.code = c.country_code where ${where} order by ${order} limit 25`;
  const middle = Math.floor(rows / 2);
  const { rows: found } = await db.pages.query<{ id: number; population: number }>(
    'select id, population from gazetteer.city order by population desc, id desc offset $1 limit 1',
    [middle],
  );
  const { id, population } = found[0] ?? { id: 0, population: 0 };
  const searches = [
    {
      name: 'searched by a word',
      path: '/cities?_q=york',
      sql: bare(`c.name ilike '%york%' or c.alt_name ilike '%york%'`, 'c.id'),
    },
    {
      name: 'searched by a prefix',
      path: '/cities?name-starts=Madrid',
      sql: bare(`c.name ilike 'Madrid%'`, 'c.id'),
    },
  ];
  return [
    { name: 'first page', path: '/cities', sql: bare('true', 'c.id') },
    { name: 'last page', path: '/cities?_before=!end', sql: bare('true', 'c.id desc') },
    {
      name: 'after the 50th percentile',
      path: `/cities?_after=${middle}`,
      sql: bare(`c.id > ${middle}`, 'c.id'),
    },
    {
      name: 'filtered by country',
      path: '/cities?country=ESP',
      sql: bare(`c.country_code = 'ESP'`, 'c.id'),
    },
    {
      name: 'sorted by an indexed column',
      path: '/cities?_sort=-population',
      sql: bare('true', 'c.population desc, c.id desc'),
    },
    {
      name: 'so sorted, after the 50th percentile',
      path: `/cities?_sort=-population&_after=${population}~${id}`,
      sql: bare(`(c.population, c.id) < (${population}, ${id})`, 'c.population desc, c.id desc'),
    },
    ...(isSearched ? searches : []),
  ];
}

/** Each case over a table that is there, and the median; searches where it has indexes for them. */
export async function measureLists(
  db: Database,
  rows: number,
  rounds: number,
  { isSearched = true } = {},
): Promise<Measured[]> {
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of the bench that is long enough',
    BULKHEAD_LOG_LEVEL: 'silent',
  });
  const app = await buildApp({ admin, config, context: testContext(db) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  await createUser(db, { email: 'bench@example.test', name: 'Bench', password, roles: ['admin'] });
  const form = await app.inject('/sign-in');
  const signedIn = await app.inject({
    method: 'POST',
    url: '/sign-in',
    ...formBody({ email: 'bench@example.test', password, _csrf: csrfOf(form.body) }),
    headers: { cookie: cookieOf(form), 'content-type': 'application/x-www-form-urlencoded' },
  });
  const cookie = cookieOf(signedIn);
  const request = async (path: string) => {
    const start = performance.now();
    const answer = await fetch(address + path, { headers: { cookie } });
    const body = await answer.text();
    if (answer.status !== 200)
      throw new Error(`${path} was answered ${answer.status}: ${body.slice(0, 500)}`);
    return { ms: performance.now() - start, shown: body.match(/class="list-row/g)?.length ?? 0 };
  };
  const measured: Measured[] = [];
  for (const one of await casesOf(db, rows, isSearched))
    measured.push(await measure(db, one, request, rounds));
  measured.push({
    case: 'median of the ratios',
    ratio: median(measured.map(({ ratio }) => Number(ratio))),
  });
  await app.close();
  return measured;
}

async function measure(
  db: Database,
  { name, path, sql }: Case,
  request: (path: string) => Promise<{ ms: number; shown: number }>,
  rounds: number,
): Promise<Measured> {
  for (let round = 0; round < warmUps; round++) await request(path);
  await reset(db);
  const answers: { ms: number; shown: number }[] = [];
  for (let round = 0; round < rounds; round++) answers.push(await request(path));
  const page = await counted(db);
  for (let round = 0; round < warmUps; round++) await db.pages.query(sql);
  await reset(db);
  let rowCount = 0;
  for (let round = 0; round < rounds; round++) rowCount = (await db.pages.query(sql)).rowCount ?? 0;
  const bare = await counted(db);
  const shown = answers[0]?.shown ?? 0;
  if (shown !== rowCount)
    throw new Error(`${name}: the page shows ${shown} records and the bare SQL ${rowCount}`);
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    case: name,
    shown,
    statements: page.statements / rounds,
    rowsRead: page.rowsRead / rounds,
    rowsReadPerRow: page.rowsRead / rounds / shown,
    bareRowsRead: bare.rowsRead / rounds,
    pageDbMs: page.ms / rounds,
    bareDbMs: bare.ms / rounds,
    ratio: page.ms / bare.ms,
    p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    p95Ms: times[Math.floor(times.length * 0.95)] ?? 0,
  };
}

const own = '/* of the bench */';

async function reset(db: Database): Promise<void> {
  await flush(db);
  await db.pages.query(`select pg_stat_reset() ${own}`);
  await db.pages.query(`select pg_stat_statements_reset() ${own}`);
}

/** Each connection keeps its counts to itself for up to ten seconds, unless it is told. */
async function flush(db: Database): Promise<void> {
  const clients = await Promise.all(Array.from({ length: connections }, () => db.pages.connect()));
  for (const client of clients) await client.query(`select pg_stat_force_next_flush() ${own}`);
  for (const client of clients) client.release();
}

async function counted(
  db: Database,
): Promise<{ statements: number; ms: number; rowsRead: number }> {
  await flush(db);
  const { rows } = await db.pages.query<{ statements: number; ms: number; rowsRead: number }>(
    `select sum(calls)::float8 as statements, sum(total_exec_time)::float8 as ms,
       (select sum(seq_tup_read) from pg_stat_user_tables)::float8 + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes)::float8 as "rowsRead"
     from pg_stat_statements where query not like '%of the bench%' and query not ilike 'set %' ${own}`,
  );
  return rows[0] as { statements: number; ms: number; rowsRead: number };
}
