import assert from 'node:assert/strict';
import type { RunningCommand } from '../command.ts';
import { until } from '../until.ts';
import { compileProject } from './compile-project.ts';
import { firstPage } from './first-page.ts';
import type { HostRun } from './host-run.ts';
import { endOf, type Library, launchesMove, walkLibrary } from './library-walk.ts';
import { makeProject } from './project.ts';
import { readable, type SiteVisitor, visitSite } from './site-visitor.ts';

const password = 'correct horse battery';

/** A Fastify application that has everything already, with Bulkhead at two prefixes of it. */
export async function walkFastify({ place, packed, database, say }: HostRun): Promise<void> {
  const { connectionString, pool } = database;
  const project = makeProject(place, 'fastify');
  await project.install(packed.file);
  await project.type('npx prisma generate');
  assert.equal(compileProject(project.folder, ['server.ts']), '');
  const server = await project.start('node server.ts', {
    DATABASE_URL: connectionString,
    PORT: '0',
  });
  const visitor = visitSite(server.address);
  await isClosedToStrangers(visitor);
  await signIn(visitor, 'ada@library.test');
  await ownRoutesWork(visitor);
  assert.equal((await visitor.open('/admin')).status, 200);
  say(firstPage(project));
  await walkLibrary({ visitor, prefix: '/admin', pool });
  await walkLibrary({ visitor, prefix: '/at/the-desk', pool });
  await launchesFromCode({ visitor, prefix: '/admin', pool });
  await removedPersonStops(server, { visitor, prefix: '/admin', pool });
  await ownRoutesWork(visitor);
  await endsByItself(server);
}

async function isClosedToStrangers(visitor: SiteVisitor): Promise<void> {
  for (const path of ['/admin/books', '/at/the-desk/tasks']) {
    const page = await visitor.open(path);
    assert.equal(page.status, 401, readable(page));
  }
}

/** By the host's own forms, with the host's own tokens. */
async function signIn(visitor: SiteVisitor, email: string): Promise<void> {
  const made = await visitor.send(await visitor.open('/'), /\/sign-up/, {
    email,
    name: email,
    role: 'admin',
    password,
  });
  assert.equal(made.status, 200, readable(made));
  const home = await visitor.send(made, /\/sign-in/, { email, password });
  assert.match(home.html, new RegExp(`Signed in as ${email}`));
}

/** What the host answers is as it was before. */
async function ownRoutesWork({ address }: SiteVisitor): Promise<void> {
  const ask = (path: string, init?: RequestInit) => fetch(`${address}${path}`, init);
  const home = await ask('/', { headers: { 'accept-encoding': 'gzip' } });
  assert.match(await home.text(), /\d+ books/);
  assert.match(home.headers.get('content-security-policy') ?? '', /library\.test/);
  assert.ok(home.headers.get('x-ratelimit-limit'));
  const json = (body: string) =>
    ask('/echo', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  assert.deepEqual(await (await json('{"a":[1]}')).json(), { body: { a: [1] } });
  const much = await json(JSON.stringify('x'.repeat(2_000)));
  assert.deepEqual(
    [much.status, await much.json()],
    [413, { library: 'FST_ERR_CTP_BODY_TOO_LARGE' }],
  );
  const form = await ask('/echo', { method: 'POST', body: new URLSearchParams({ a: '1' }) });
  assert.deepEqual(await form.json(), { body: { a: '1' } });
  const untrue = await ask('/sign-in', { method: 'POST', body: new URLSearchParams({ a: '1' }) });
  assert.deepEqual(
    [untrue.status, await untrue.json()],
    [403, { library: 'FST_CSRF_MISSING_SECRET' }],
  );
  const broken = await ask('/broken');
  assert.deepEqual([broken.status, await broken.json()], [500, { library: 'broken' }]);
  const nowhere = await ask('/nowhere');
  assert.deepEqual([nowhere.status, await nowhere.json()], [404, { library: '/nowhere' }]);
}

async function launchesFromCode({ visitor, pool }: Library): Promise<void> {
  const answer = await fetch(`${visitor.address}/stocktakes/B`, { method: 'POST' });
  assert.equal(answer.status, 200, await answer.clone().text());
  const { task } = (await answer.json()) as { task: number };
  const { rows } = await pool.query(`select state from bulkhead.task where id = $1`, [task]);
  assert.deepEqual(rows, [{ state: 'succeeded' }]);
  const stocktakes = await pool.query(`delete from "Stocktake" returning shelf`);
  assert.deepEqual(stocktakes.rows, [{ shelf: 'B' }]);
}

/** Somebody who is no longer there, in the host, changes nothing more. */
async function removedPersonStops(
  { address }: RunningCommand,
  { pool, prefix }: Library,
): Promise<void> {
  const visitor = visitSite(address);
  await signIn(visitor, 'eve@library.test');
  const { rows: people } = await pool.query(`select id from "Reader" where email like 'eve@%'`);
  // A task asks every second who its person is: what comes after the half takes longer than that.
  await pool.query(
    `create function hold_later() returns trigger language plpgsql as $$
       begin
         if new.id > 220 then perform pg_advisory_xact_lock_shared(4712), pg_sleep(0.03); end if;
         return new;
       end $$;
     create trigger hold_later before update on "Book" for each row execute function hold_later()`,
  );
  const holder = await pool.connect();
  let task: number;
  try {
    await holder.query('select pg_advisory_lock(4712)');
    task = await launchesMove({ visitor, prefix, pool }, 'nowhere');
    await until(async () => {
      const { rowCount } = await pool.query(
        `select from pg_locks where locktype = 'advisory' and objid = 4712 and not granted`,
      );
      return rowCount === 1;
    });
    const removed = await fetch(`${address}/readers/${people[0].id}/removal`, { method: 'POST' });
    assert.equal(removed.status, 204);
  } finally {
    await holder.query('select pg_advisory_unlock(4712)');
    holder.release();
  }
  assert.deepEqual(await endOf({ visitor, prefix, pool }, task), {
    state: 'failed',
    reason: 'user-inactive',
  });
  const { rows } = await pool.query(
    `select count(*)::int as moved from "Book" where shelf = 'nowhere'`,
  );
  assert.ok(rows[0].moved > 0 && rows[0].moved < 500, `${rows[0].moved} books were moved`);
  const refused = await visitor.open(`${prefix}/books`);
  assert.equal(refused.status, 401, readable(refused));
}

async function endsByItself({ child, text }: RunningCommand): Promise<void> {
  child.kill('SIGTERM');
  await until(() => child.exitCode !== null);
  assert.equal(child.exitCode, 0, text());
  assert.match(text(), /^Left open: nothing$/m);
}
