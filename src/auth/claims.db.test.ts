import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cities } from '../../docs/examples/permissions.ts';
import sample from '../admin.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { testApp } from '../testing/app.ts';
import { finished, launchOn } from '../testing/context.ts';
import { insertPlaces } from '../testing/places.ts';
import { until } from '../testing/until.ts';
import { type Act, changeUser, deactivateUser } from './change-users.ts';
import { ourPeople } from './our-people.ts';
import { systemPrincipal } from './system-principal.ts';

/** Half of the places are in France; the editor of the guide's example has a claim to all. */
async function setUp(t: TestContext) {
  const others = sample.resources.filter(({ model }) => model !== 'City');
  const site = await testApp(t, {
    admin: {
      ...sample,
      resources: [cities, ...others],
      schedules: [],
      taskHooks: [],
      notify: 'none',
    },
    settings: { personAgainMs: 0 },
    env: { BULKHEAD_CHUNK_SIZE: '10' },
  });
  const { db, context, connectionString } = site;
  context.people.findUser = ourPeople(db).findUser;
  await insertPlaces(db, 60);
  await db.pages.query(`update gazetteer.city set country_code = 'FRA' where id > 30`);
  const editor = await site.signIn('editor');
  const act: Act = { db, by: systemPrincipal('test') };
  const { id } = editor.principal;
  const claim = (...countries: string[]) => changeUser(act, id, { claims: { countries } });
  const seen = async () => {
    const { statusCode, body } = await editor.get('/cities?_size=100');
    if (statusCode !== 200) return `answered ${statusCode}`;
    return new Set(body.match(/<tr[^>]* data-key="\d+"/g)).size;
  };
  /** Starts an edit of everything that they see, and changes them while the second chunk waits. */
  const whileRunning = async (change: () => Promise<unknown>) => {
    const { claims = {} } = (await context.people.findUser(id, editor.principal)) ?? {};
    const principal = { ...editor.principal, claims };
    const resource = context.registry.for(principal, 'cities');
    const { task } = await launchOn(
      context,
      resource,
      { kind: 'matching', filter: '' },
      'update',
      { field: 'altName', 'value.altName': 'changed' },
      principal,
    );
    const holder = await db.pages.connect();
    await holder.query('begin');
    await holder.query('select from gazetteer.city where id = 15 for update');
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    try {
      const done = `select from ${db.t.task} where id = $1 and chunks_done > 0`;
      await until(async () => (await db.pages.query(done, [task.id])).rowCount === 1);
      await change();
      await holder.query('rollback');
      const { state, reason } = await finished(db, task.id);
      const { rows } = await db.pages.query<{ spain: number; france: number }>(
        `select count(*) filter (where country_code = 'ESP')::int as spain, count(*) filter (where country_code = 'FRA')::int as france
         from gazetteer.city where alt_name = 'changed'`,
      );
      return { state, reason, ...rows[0] };
    } finally {
      holder.release();
      await worker.stop();
    }
  };
  return { editor, act, id, claim, seen, whileRunning };
}

test('the example of the guide works: an editor sees the rows of their claims, from the next request on', async (t) => {
  const { editor, claim, seen } = await setUp(t);
  assert.equal(await seen(), 'answered 403', 'without claims there is nothing');
  await claim('ESP');
  assert.equal(await seen(), 30);
  assert.equal((await editor.get('/cities/31')).statusCode, 404);
  await claim('ESP', 'FRA');
  assert.equal(await seen(), 60);
  await claim();
  assert.equal(await seen(), 0);
});

test('a running task narrows to the claims that are left', async (t) => {
  const { claim, whileRunning } = await setUp(t);
  await claim('ESP', 'FRA');
  const { state, spain, france } = await whileRunning(() => claim('ESP'));
  assert.deepEqual([state, spain, france], ['succeeded', 30, 0]);
});

test('a running task of whoever has no claims, or may not sign in any more, stops', async (t) => {
  const { act, id, claim, whileRunning } = await setUp(t);
  await claim('ESP', 'FRA');
  const stopped = await whileRunning(() => changeUser(act, id, { claims: {} }));
  assert.deepEqual([stopped.state, stopped.reason], ['failed', 'forbidden']);
  assert.ok(Number(stopped.spain) <= 20);
  await claim('ESP', 'FRA');
  const gone = await whileRunning(() => deactivateUser(act, id));
  assert.deepEqual([gone.state, gone.reason], ['failed', 'user-inactive']);
  assert.equal(gone.france, 0);
});
