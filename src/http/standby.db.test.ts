import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAtAll } from '../health/look.ts';
import { standbyParts } from '../health/standby-findings.ts';
import { finished, launchOn } from '../testing/context.ts';
import { insertPlaces, placeForm } from '../testing/places.ts';
import { readMetrics } from '../testing/read-metrics.ts';
import { type CookieJar, type StandbyApp, standbyApp } from '../testing/standby-app.ts';
import { until } from '../testing/until.ts';

/** Resolves when what this browser reads comes from the standby, which a change past us shows. */
async function readsFromStandby({ db, pause, resume }: StandbyApp, { get }: CookieJar) {
  await pause();
  const mark = `mark ${Math.random()}`;
  await db.pages.query(`update gazetteer.city set notes = $1 where name = 'Place 3'`, [mark]);
  const isSeen = async () => {
    const { statusCode, body } = await get(`/cities?notes-contains=${encodeURIComponent(mark)}`);
    assert.equal(statusCode, 200, body);
    return body.includes('Place 3');
  };
  await until(async () => !(await isSeen()));
  await resume();
  await until(isSeen);
}

const findingsOf = async ({ context }: StandbyApp) =>
  (await lookAtAll(context, standbyParts)).flatMap(({ findings }) =>
    findings.map(({ name }) => name),
  );

/** How the process says by its metrics that it reads from the standby, and how far that is behind. */
async function measured({ context, standby }: StandbyApp) {
  const samples = readMetrics((await context.meters.read()).text);
  const of = (metric: string) => samples.get(`${metric}{standby="127.0.0.1:${standby.port}"}`);
  return { used: of('bulkhead_standby_used'), lag: of('bulkhead_standby_lag_seconds') };
}

const isOnList = async ({ get }: CookieJar, text: string, query = '') =>
  (await get(`/cities?${query}`)).body.includes(text);

test('whoever has saved sees it at once in lists, counts and the history, and others see the copy with its age', async (t) => {
  const app = await standbyApp(t);
  const { db, standby, pause, resume } = app;
  await insertPlaces(db, 3);
  const [ada, eve] = [await app.signIn('admin'), await app.signIn('editor')];
  await standby.catchUp();
  await readsFromStandby(app, eve);
  const { rows } = await db.pages.query<{ id: string }>(
    `select id from gazetteer.city where name = 'Place 1'`,
  );
  const path = `/cities/${rows[0]?.id}`;
  await pause();
  const saved = await ada.post(`${path}/edit`, { ...placeForm, name: 'Renamed' });
  assert.equal(saved.statusCode, 303);
  const added = await ada.post('/cities/new', { ...placeForm, name: 'Added' });
  assert.equal(added.statusCode, 303);
  assert.ok(await isOnList(ada, 'Renamed'));
  assert.ok(await isOnList(ada, 'of 4'));
  assert.match((await ada.get(`${path}/history`)).body, /Renamed/);
  // On a busy machine it may be that nobody has looked at the standby lately: then she is shown all, too.
  const later = (isSo: () => Promise<boolean>) => until(async () => !(await isSo()));
  await later(() => isOnList(eve, 'Renamed'));
  await until(() => isOnList(eve, 'of 3'));
  await later(async () => (await eve.get(`${path}/history`)).body.includes('Renamed'));
  await until(() => isOnList(eve, 'As of'));
  assert.match((await eve.get(`${path}/history`)).body, /As of \d+ sec ago/);
  assert.ok(!(await isOnList(ada, 'As of')));
  // What a form begins with is never old.
  assert.match((await eve.get(`${path}/edit`)).body, /value="Renamed"/);

  const cookie = (more: string) => ({
    cookie: `${[...eve.cookies].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('; ')}${more}`,
  });
  const seenWith = async (more: string) =>
    (await eve.get('/cities', cookie(more))).body.includes('Renamed');
  for (const wrong of ['', 'x', '1', '1.', '.1', '-1.1', '1.zz', '0.0', '1.1'.repeat(300), '%00'])
    await later(() => seenWith(`; bulkhead_written_0=${wrong}`));
  assert.equal(await seenWith('; bulkhead_written_0=ffffffff.ffffffffffffffff'), true);
  // As if another process had answered whoever has saved, and as if an answer had been overtaken.
  const [given = []] = [...ada.cookies].filter(([name]) => name.startsWith('bulkhead_written_'));
  assert.equal(await seenWith(`; ${given.join('=')}`), true);
  ada.cookies.delete(given[0] ?? '');
  assert.ok(await isOnList(ada, 'Renamed'));
  // A program that keeps none of our cookies but its session is answered as if there were no copy.
  const session = `bulkhead_session=${encodeURIComponent(eve.cookies.get('bulkhead_session') ?? '')}`;
  assert.match((await eve.get('/cities', { cookie: session })).body, /Renamed/);

  await resume();
  await until(() => isOnList(eve, 'Renamed'));
  await until(async () => !(await isOnList(eve, 'As of')));
  await readsFromStandby(app, ada);
});

test('whoever looks at records sees what a task did to them from its end on, and whose task it is sees it anywhere', async (t) => {
  const app = await standbyApp(t);
  const { db, context, standby, people, pause, resume } = app;
  await insertPlaces(db, 30);
  const [ada, eve] = [await app.signIn('admin'), await app.signIn('editor')];
  await standby.catchUp();
  await readsFromStandby(app, eve);
  await pause();
  await db.pages.query(`update gazetteer.country set name = 'Iberia' where code = 'ESP'`);
  const isWritten = (one: CookieJar) => isOnList(one, 'of 30', 'notes-contains=written');
  const isRenamed = async ({ get }: CookieJar) => (await get('/countries')).body.includes('Iberia');
  for (const one of [ada, eve])
    await until(async () => !(await isWritten(one)) && !(await isRenamed(one)));
  // By code, so that no browser has a cookie for it.
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'written by all' },
    people.get('admin'),
    { inBackground: true },
  );
  assert.equal((await finished(db, task.id)).state, 'succeeded');
  for (const one of [ada, eve]) assert.ok(await isWritten(one));
  assert.ok(await isRenamed(ada));
  await until(async () => !(await isRenamed(eve)));
  assert.ok((await ada.get(`/tasks/${task.id}/changes`)).body.includes('written by all'));
  await resume();
  await readsFromStandby(app, ada);
  await readsFromStandby(app, eve);
});

test('whoever saved while the primary died, so that nobody knows up to where, reads from a standby again when they have saved since', async (t) => {
  const app = await standbyApp(t);
  const { db, primary, standby } = app;
  await insertPlaces(db, 3);
  const eve = await app.signIn('editor');
  await standby.catchUp();
  await readsFromStandby(app, eve);
  // She waits for a row that somebody holds, and the server is gone before she has it.
  const holder = await db.background.connect();
  await holder.query('begin; select from gazetteer.city where id = 2 for update');
  const saved = eve.post('/cities/2/edit', { ...placeForm, name: 'Never' });
  await until(async () => {
    const { rowCount } = await db.background.query('select from pg_locks where not granted');
    return rowCount === 1;
  });
  await primary.kill();
  assert.equal((await saved).statusCode, 503);
  holder.release(true);
  await until(() =>
    primary.start().then(
      () => true,
      () => false,
    ),
  );
  await until(async () => {
    const again = await eve.post('/cities/2/edit', { ...placeForm, name: 'Place 2' });
    return again.statusCode === 303;
  });
  await standby.catchUp();
  await readsFromStandby(app, eve);
});

test('a standby that goes away, comes back and is promoted fails nobody, and is said once', async (t) => {
  const app = await standbyApp(t);
  const { db, standby, logged } = app;
  await insertPlaces(db, 3);
  const eve = await app.signIn('editor');
  await standby.catchUp();
  await readsFromStandby(app, eve);
  const statuses = new Set<number>();
  let isOver = false;
  const asking = [1, 2, 3].map(async () => {
    while (!isOver) statuses.add((await eve.get('/cities')).statusCode);
  });
  await standby.kill();
  await until(() => logged.some((line) => line.includes('is not to be reached')));
  await until(async () => (await measured(app)).used === 0);
  const name = `127.0.0.1:${standby.port}`;
  assert.deepEqual(await findingsOf(app), [`standby-away:${name}`]);
  // Its memory is taken for another's until the last of it has gone.
  await until(() =>
    standby.start().then(
      () => true,
      () => false,
    ),
  );
  await until(() => logged.some((line) => line.includes('serves reads again')));
  await readsFromStandby(app, eve);
  await until(async () => (await measured(app)).used === 1);
  assert.deepEqual(await findingsOf(app), []);
  await standby.promote();
  await until(() => logged.some((line) => line.includes('is no standby')));
  assert.deepEqual(await findingsOf(app), [`standby-no-standby:${name}`]);
  await db.pages.query(
    `update gazetteer.city set name = 'Only on the primary' where name = 'Place 1'`,
  );
  assert.ok(await isOnList(eve, 'Only on the primary'));
  isOver = true;
  await Promise.all(asking);
  assert.deepEqual([...statuses], [200]);
  assert.equal(logged.filter((line) => line.includes('is no standby')).length, 1);
});

test('a standby that is further behind than it may be is not read from', async (t) => {
  const app = await standbyApp(t, { BULKHEAD_READ_MAX_LAG_MS: '4000' });
  const { db, standby, pause, logged } = app;
  await insertPlaces(db, 3);
  const eve = await app.signIn('editor');
  await standby.catchUp();
  await readsFromStandby(app, eve);
  await pause();
  await db.pages.query(`update gazetteer.city set name = 'Long ago' where name = 'Place 1'`);
  await until(() => isOnList(eve, 'Long ago'));
  assert.ok(!(await isOnList(eve, 'As of')));
  await until(() => logged.some((line) => line.includes('is too far behind')));
  assert.deepEqual(await findingsOf(app), [`standby-behind:127.0.0.1:${standby.port}`]);
  await until(async () => {
    const { used, lag = 0 } = await measured(app);
    return used === 0 && lag > 4;
  });
});
