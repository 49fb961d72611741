import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import pg from 'pg';
import sample from '../admin.ts';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { turnsOf } from '../db/turns.ts';
import { type AdminDefinition, defineResource } from '../index.ts';
import { lockModel } from '../tasks/activate.ts';
import { htmx, testApp, type TestApp, type Visitor } from '../testing/app.ts';
import { launchAs, openAs, selectAs } from '../testing/launch-as.ts';
import { insertPlaces } from '../testing/places.ts';

const form = { country: 'ESP', featureCode: 'PPL', population: '1', latitude: '0', longitude: '0', status: 'draft' };

/** Somebody who holds what `lock` takes until let go: a worker that is frozen, an editor with an open transaction. */
async function hold(t: TestContext, { connectionString }: TestApp, lock: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  let isHeld = true;
  const letGo = async () => {
    if (isHeld) await client.end();
    isHeld = false;
  };
  t.after(letGo);
  await client.query('begin');
  await client.query(lock);
  return letGo;
}

/** While these wait for what is held, pages answer; and before it is let go, so do they. */
async function answersMeanwhile(
  { db }: TestApp,
  visitor: Visitor,
  waiting: readonly Promise<LightMyRequestResponse>[],
): Promise<LightMyRequestResponse[]> {
  await untilAllTurnsAreTaken(db);
  for (const path of ['/', '/countries', '/tasks', '/cities/59']) {
    const page = await visitor.get(path);
    assert.equal(page.statusCode, 200, `${path}: ${page.body.slice(0, 300)}`);
  }
  return Promise.all(waiting);
}

async function untilAllTurnsAreTaken({ drains, pages }: TestApp['db']): Promise<void> {
  for (;;) {
    const { rows } = await drains.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((rows[0]?.count ?? 0) >= turnsOf(pages.options.max)) return;
    await new Promise((done) => setTimeout(done, 10));
  }
}

const dozen = Array.from({ length: 12 }, (_, index) => index + 1);

/** Rules of the project's own: written through its client, in a transaction of Prisma's. */
const ruled: AdminDefinition = {
  ...sample,
  resources: [
    defineResource(metadata, 'City', { hooks: { beforeSave: () => undefined } }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
};

test('twelve clicks on Cancel while a worker stands still in the middle of a step: pages answer, and so do they', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  const taskId = await launchAs(visitor, 40);
  const letGo = await hold(t, app, `select 1 from ${app.db.t.task} where id = ${taskId} for update`);
  for (const path of ['cancellation', 'pause', 'resumption']) {
    const post = `/tasks/${taskId}/${path}`;
    const clicks = dozen.map((click) => visitor.post(post, {}, click % 2 ? { referer: `http://localhost:80/tasks/${taskId}` } : htmx));
    for (const answer of await answersMeanwhile(app, visitor, clicks)) {
      assert.equal(answer.statusCode, 503);
      assert.match(answer.body, /Try again in a moment/);
    }
  }
  await letGo();
  assert.equal((await visitor.post(`/tasks/${taskId}/cancellation`)).statusCode, 303);
});

for (const [way, admin] of Object.entries({ 'plain records': sample, 'records with rules': ruled })) {
  test(`twelve saves, twelve deletes and twelve bulk edits of what somebody else holds: pages answer, what was typed is there again (${way})`, async (t) => {
    const app = await testApp(t, { admin });
    await insertPlaces(app.db, 60);
    const visitor = await app.signIn('admin');
    const letGo = await hold(t, app, 'select 1 from gazetteer.city where id <= 12 for update');
    const saves = dozen.map((id) => visitor.post(`/cities/${id}/edit`, { ...form, name: `Typed ${id}` }));
    for (const [index, answer] of (await answersMeanwhile(app, visitor, saves)).entries()) {
      assert.equal(answer.statusCode, 503);
      assert.match(answer.body, new RegExp(`value="Typed ${index + 1}"`));
      assert.match(answer.body, /Try again in a moment/);
    }
    const deletes = dozen.map((id) => visitor.post(`/cities/${id}/delete`));
    for (const answer of await answersMeanwhile(app, visitor, deletes)) {
      assert.equal(answer.statusCode, 503);
      assert.match(answer.body, /Try again in a moment/);
    }
    const answers = await answersMeanwhile(app, visitor, await bulkEdits(visitor));
    for (const answer of answers) assertKept(answer);
    await letGo();
    const { rows } = await app.db.pages.query(
      `select count(*)::int as count from gazetteer.city where name like 'Typed%' or notes = 'typed'`,
    );
    assert.deepEqual(rows, [{ count: 0 }]);
    const again = await visitor.post('/cities/1/edit', { ...form, name: 'Typed 1' });
    assert.equal(again.statusCode, 303);
  });
}

test('a launch while somebody stands still activating the same model: pages answer, the dialog keeps what was typed', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  const client = await app.db.drains.connect();
  await client.query('begin');
  await lockModel(client, app.db.t, 'City');
  try {
    for (const answer of await answersMeanwhile(app, visitor, await bulkEdits(visitor))) assertKept(answer);
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('a table that somebody has locked: its pages say so, the others answer', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  const letGo = await hold(t, app, 'lock table gazetteer.city in access exclusive mode');
  const lists = dozen.slice(0, 3).map(() => visitor.get('/cities'));
  for (const answer of await Promise.all(lists)) assert.equal(answer.statusCode, 503);
  assert.equal((await visitor.get('/tags')).statusCode, 200);
  await letGo();
});

async function bulkEdits(visitor: Visitor): Promise<Promise<LightMyRequestResponse>[]> {
  const opened: (readonly [string, Record<string, string>])[] = [];
  for (const click of dozen) {
    const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 12)}`;
    opened.push([path, { _op: await openAs(visitor, path), field: 'notes', 'change.notes': 'set', 'value.notes': `typed ${click}` }]);
  }
  return opened.map(([path, body]) => visitor.post(path, body, htmx));
}

function assertKept(answer: LightMyRequestResponse): void {
  assert.equal(answer.statusCode, 423, answer.body);
  assert.match(answer.body, /typed \d+/);
  assert.match(answer.body, /Try again in a moment/);
}
