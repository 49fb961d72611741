import assert from 'node:assert/strict';
import test from 'node:test';
import { htmx, testApp } from '../testing/app.ts';
import { insertPlaces } from '../testing/places.ts';

test('times are shown and meant in the zone that the browser names', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  await db.pages.query(`update gazetteer.city set reviewed_at = '2026-06-30 23:30:00Z'`);
  const { cookie, get, post } = await signIn('admin');
  const at = async () => {
    const { rows } = await db.pages.query<{ at: Date }>(
      'select reviewed_at as at from gazetteer.city',
    );
    return rows[0]?.at.toISOString();
  };
  const inMadrid = { cookie: `${cookie}; bulkhead_time_zone=Europe%2FMadrid` };

  await t.test('on a record’s page and in its form, which says which zone it means', async () => {
    assert.match((await get('/cities/1')).body, /30 Jun 2026, 23:30/);
    assert.match((await get('/cities/1', inMadrid)).body, /1 Jul 2026, 01:30/);
    const form = (await get('/cities/1/edit', inMadrid)).body;
    assert.match(form, /value="2026-07-01T01:30"/);
    assert.match(form, /Times are in Europe\/Madrid\./);
  });

  await t.test(
    'in what a form saves, whatever zone the browser has moved to meanwhile',
    async () => {
      const sent = { reviewedAt: '2026-07-01T02:00', _zone: 'Europe/Madrid' };
      const answer = await post('/cities/1/edit', sent, {
        cookie: `${cookie}; bulkhead_time_zone=Asia%2FTokyo`,
      });
      assert.equal(answer.statusCode, 303, answer.body);
      assert.equal(await at(), '2026-07-01T00:00:00.000Z');
    },
  );

  await t.test('in a filter, whose day is a day there', async () => {
    assert.match((await get('/cities?reviewedAt=2026-07-01', inMadrid)).body, /Place 1/);
    await db.pages.query(`update gazetteer.city set reviewed_at = '2026-07-01 22:30:00Z'`);
    assert.doesNotMatch((await get('/cities?reviewedAt=2026-07-01', inMadrid)).body, /Place 1/);
    assert.match((await get('/cities?reviewedAt=2026-07-01')).body, /Place 1/);
  });

  await t.test('on the pages of tasks', async () => {
    await db.pages.query(
      `insert into ${db.t.task} (resource, model, operation, title, backend, state, principal_id, principal_name, principal, parameters, selection, task_key, parallelism, created_at)
       select 'cities', 'City', 'update', 'Edit cities', 'queue', 'scheduled', '1', 'Ada', '{"id":"1","name":"Ada","roles":[]}', '{"changes":[]}', '{"kind":"ticked","filter":"","keys":[]}', 'x', 1, '2026-06-30 23:30:00Z'`,
    );
    for (const path of ['/tasks', '/tasks/1']) {
      assert.match((await get(path, inMadrid)).body, /1 Jul 2026,? (at )?01:30:00/, path);
      assert.match((await get(path)).body, /30 Jun 2026,? (at )?23:30:00/, path);
    }
    await db.pages.query(`update ${db.t.task} set state = 'queued', queued_at = created_at`);
    await db.pages.query(
      `insert into ${db.t.worker_end} (id, at) values (1, '2026-06-30 23:30:00Z')`,
    );
    for (const path of ['/tasks/1', '/tasks/1/progress']) {
      assert.match(
        (await get(path, { ...inMadrid, ...htmx })).body,
        /since 1 Jul 2026,? (at )?01:30:00/,
        `the note on ${path}`,
      );
    }
  });

  await t.test('and in UTC where it names none that there is', async () => {
    const { body } = await get('/cities/1', {
      cookie: `${cookie}; bulkhead_time_zone=Mars%2FOlympus`,
    });
    assert.match(body, /1 Jul 2026, 22:30/);
  });
});
