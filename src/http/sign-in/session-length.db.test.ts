import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';

const hour = 3_600_000;

/**
 * The row of the one session, as if its user had done nothing for so long, having signed in so long
 * ago.
 */
async function idleFor(site: TestApp, idleMs: number, sinceSignIn = idleMs): Promise<void> {
  const { db, config } = site;
  const leftMs = config.BULKHEAD_SESSION_HOURS * hour - idleMs;
  await db.pages.query(
    `update ${db.t.session} set expire = now() + $1 * interval '1 ms',
       sess = jsonb_set(sess::jsonb, '{startedAt}', to_jsonb((extract(epoch from now()) * 1000 - $2)::bigint))::json`,
    [leftMs, sinceSignIn],
  );
}

async function leftMs({ db }: TestApp): Promise<number> {
  const { rows } = await db.pages.query<{ ms: number }>(
    `select (extract(epoch from expire - now()) * 1000)::float8 as ms from ${db.t.session}`,
  );
  return rows[0]?.ms ?? 0;
}

const isAbout = (given: number, wanted: number) => Math.abs(given - wanted) < 60_000;

async function only(site: TestApp): Promise<Visitor> {
  await site.db.pages.query(`delete from ${site.db.t.session}`);
  const visitor = await site.signIn('admin');
  await site.db.pages.query(`delete from ${site.db.t.session} where sess ->> 'userId' is null`);
  return visitor;
}

test('a session lasts as long as its user is at work', async (t) => {
  // Where the process runs is no matter: the column keeps no zone.
  const { TZ } = process.env;
  process.env.TZ = 'America/New_York';
  t.after(() => {
    delete process.env.TZ;
    if (TZ !== undefined) process.env.TZ = TZ;
  });
  const site = await testApp(t, {
    env: { BULKHEAD_SESSION_HOURS: '2', BULKHEAD_SESSION_DAYS: '3' },
  });

  await t.test('is prolonged by a request, at most every five minutes', async () => {
    const visitor = await only(site);
    await idleFor(site, 4 * 60_000);
    await visitor.get('/');
    assert.ok(isAbout(await leftMs(site), 2 * hour - 4 * 60_000));
    await idleFor(site, 6 * 60_000);
    await visitor.get('/');
    assert.ok(isAbout(await leftMs(site), 2 * hour));
    await idleFor(site, hour);
    assert.equal(
      (await visitor.post('/cities/selection', { _do: 'clear', _list: '' })).statusCode,
      303,
    );
    assert.ok(isAbout(await leftMs(site), 2 * hour));
  });

  await t.test('is not prolonged by what pages and programs ask by themselves', async () => {
    const visitor = await only(site);
    await idleFor(site, hour);
    const polls: [string, Record<string, string>][] = [
      ['/tasks/live?bar=1.page&records=cities&row=1.1&list=&bell=0', htmx],
      ['/tasks/running?resource=cities', htmx],
      ['/tasks/1/progress', htmx],
      ['/tasks/1/details', htmx],
      ['/cities/1/lock', htmx],
      ['/cities', { ...htmx, 'hx-target': 'records', 'hx-trigger': 'records' }],
      ['/tasks', { accept: 'application/json' }],
    ];
    for (const [path, headers] of polls) {
      await visitor.get(path, headers);
      assert.ok(isAbout(await leftMs(site), hour), path);
    }
  });

  await t.test('ends all the same after the longest time since signing in', async () => {
    const visitor = await only(site);
    await idleFor(site, hour, 71.5 * hour);
    await visitor.get('/');
    assert.ok(isAbout(await leftMs(site), hour), 'what is left is never shortened');
    await idleFor(site, 1.9 * hour, 71.5 * hour);
    await visitor.get('/');
    assert.ok(isAbout(await leftMs(site), hour / 2));
    await visitor.post('/cities/new', { name: 'x' });
    assert.ok(isAbout(await leftMs(site), hour / 2));
  });

  await t.test('is over when nobody came', async () => {
    const visitor = await only(site);
    await idleFor(site, 2 * hour + 1000);
    assert.equal((await visitor.get('/')).statusCode, 303);
  });
});
