import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp, type Visitor } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';
import { findBroken, invariantsAtRest } from '../../testing/task-invariants.ts';
import { tortureAdmin } from '../../testing/torture.ts';

async function setUp(t: TestContext, options: Parameters<typeof testApp>[1] = {}) {
  const app = await testApp(t, options);
  const end = async (taskId: number) => {
    const worker = await startWorker(app.context, {
      connectionString: app.connectionString,
      concurrency: 1,
    });
    try {
      return await finished(app.db, taskId, 10_000);
    } finally {
      await worker.stop();
    }
  };
  return { ...app, end };
}

/** The first form on a page that restores something: where it goes and what it sends. */
function restoreOf(html: string): { action: string; body: Record<string, string> } | null {
  const [form] = /<form[^>]*action="[^"]*\/undo"[\s\S]*?<\/form>/.exec(html) ?? [];
  if (!form) return null;
  const hidden = [...form.matchAll(/name="(_op|_which|key)" value="([^"]*)"/g)].map(
    ([, name, value]) => [name, value],
  );
  return { action: /action="([^"]+)"/.exec(form)?.[1] ?? '', body: Object.fromEntries(hidden) };
}

async function restore(visitor: Visitor, page: string): Promise<number> {
  const form =
    restoreOf((await visitor.get(page)).body) ?? assert.fail(`nothing to restore on ${page}`);
  const answer = await visitor.post(form.action, form.body);
  assert.equal(answer.statusCode, 303, answer.body);
  return Number(/\/tasks\/(\d+)$/.exec(String(answer.headers.location))?.[1]);
}

test('a record that was deleted by its own page comes back from the list of deleted ones, with its links and what went along', async (t) => {
  const { db, signIn, end } = await setUp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await signIn('admin');
  const whole = `select (select jsonb_agg(to_jsonb(s) order by s."ship no") from torture."ships at sea" s) as ships,
    (select jsonb_agg(to_jsonb(d)::text order by to_jsonb(d)::text) from "Odd-Schema".deck d) as decks,
    (select jsonb_agg(to_jsonb(c)::text order by to_jsonb(c)::text) from torture.cabins c) as cabins`;
  const before = (await db.pages.query(whole)).rows[0];
  const asked = (await admin.get('/ships/3/delete')).body;
  assert.match(asked, /Can be undone for 7 days, together with/);
  assert.doesNotMatch(asked, /no way back/);
  const deleted = await admin.post('/ships/3/delete');
  assert.equal(deleted.statusCode, 303);
  assert.match(
    (await admin.get(String(deleted.headers.location))).body,
    /was deleted\. <a[^>]*href="\/tasks\/1\/undo">Undo…/,
  );
  assert.notDeepEqual((await db.pages.query(whole)).rows[0], before);
  // What went along comes back with it, not by itself.
  assert.equal(restoreOf((await admin.get('/cabins/deleted')).body), null);

  const undone = await end(await restore(admin, '/ships/deleted'));
  assert.deepEqual([undone.state, undone.changed], ['succeeded', 1]);
  assert.deepEqual((await db.pages.query(whole)).rows[0], before);
  assert.equal(restoreOf((await admin.get('/ships/deleted')).body), null);
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('the history of a record that is gone restores it too; many-to-many links come back', async (t) => {
  const { db, signIn, end } = await setUp(t);
  await insertPlaces(db, 3);
  await db.pages.query(`insert into gazetteer."_CityToTag" ("A", "B") values (2, 1)`);
  const admin = await signIn('admin');
  await admin.post('/cities/2/delete');
  assert.deepEqual((await db.pages.query('select * from gazetteer."_CityToTag"')).rows, []);
  assert.equal((await end(await restore(admin, '/cities/2/history'))).state, 'succeeded');
  assert.equal((await admin.get('/cities/2')).statusCode, 200);
  assert.equal((await db.pages.query('select * from gazetteer."_CityToTag"')).rows.length, 1);
  const { body } = await admin.get('/cities/2/history');
  assert.match(body, /Delete 1 city \(task 1\)/);
  assert.equal(restoreOf(body), null);
});

test('a record is restored by who may: its deleter or who sees every task, as far as they may delete', async (t) => {
  const { db, context, signIn } = await setUp(t);
  await insertPlaces(db, 3);
  const [admin, editor, viewer] = [
    await signIn('admin'),
    await signIn('editor'),
    await signIn('viewer'),
  ];
  await admin.post('/cities/2/delete');
  assert.notEqual(restoreOf((await admin.get('/cities/deleted')).body), null);
  for (const other of [editor, viewer]) {
    const { body } = await other.get('/cities/deleted');
    assert.match(body, /Place 2|\/cities\/2\/history/);
    assert.equal(restoreOf(body), null);
    assert.equal(
      (
        await other.post('/tasks/1/undo', {
          _op: '00000000-0000-4000-8000-000000000001',
          _which: 'all',
        })
      ).statusCode,
      404,
    );
  }
  // When its values are no longer kept, nothing is offered.
  await db.pages.query(`update ${context.db.t.change} set before = null`);
  assert.equal(restoreOf((await admin.get('/cities/deleted')).body), null);
});
