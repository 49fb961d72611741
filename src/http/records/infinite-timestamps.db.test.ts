import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/torture-metadata/metadata.ts';
import { defineResource } from '../../index.ts';
import type { Resource } from '../../resources/contract.ts';
import { undo } from '../../tasks/follow-ups/undo.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import { ada, finished, launchOn } from '../../testing/context.ts';
import { tortureAdmin } from '../../testing/torture.ts';

const columns = ['id', 'dateTime', 'zoned', 'date'] as const;
const admin = {
  ...tortureAdmin,
  resources: [defineResource(metadata, 'Required', { slug: 'timestamps', columns })],
};

/** One record whose timestamps are infinite, among others. */
async function setUp(t: TestContext) {
  const app = await testApp(t, { admin, content: 'torture' });
  const resource = app.context.registry.get('timestamps') as Resource;
  const { table } = resource.model;
  const { rows } = await app.db.pages.query<{ id: number }>(
    `update ${table} set "dateTime" = 'infinity', zoned = '-infinity', date = 'infinity' where id = (select min(id) from ${table}) returning id`,
  );
  const picture = async () =>
    (await app.db.pages.query(`select t::text as row from ${table} t order by 1`)).rows;
  return { ...app, resource, table, path: `/timestamps/${rows[0]?.id}`, picture };
}

const infinite = (body: string) =>
  [...body.matchAll(/>\s*(-?infinity)\s*</g)].map(([, text]) => text);

test('infinite timestamps are shown as such in a list and on a record’s page', async (t) => {
  const { path, signIn } = await setUp(t);
  const visitor = await signIn('admin');
  for (const page of [
    '/timestamps',
    '/timestamps?_sort=-dateTime',
    '/timestamps?_sort=zoned',
    path,
  ]) {
    const { statusCode, body } = await visitor.get(page);
    assert.equal(statusCode, 200, page);
    assert.deepEqual(infinite(body).sort(), ['-infinity', 'infinity', 'infinity'], page);
    assert.doesNotMatch(body, /Invalid/);
  }
});

test('saving a form leaves infinite timestamps alone that nobody touched, and takes another for one of them', async (t) => {
  const { db, table, path, signIn } = await setUp(t);
  const visitor = await signIn('admin');
  const form = await visitor.get(`${path}/edit`);
  const inputs = [
    ...form.body.matchAll(
      /<input[^>]* name="(dateTime|zoned|date)" type="(\S+)"[^>]* value="([^"]*)"/g,
    ),
  ];
  assert.deepEqual(
    inputs.map(([, ...parts]) => parts),
    [
      ['dateTime', 'text', 'infinity'],
      ['date', 'text', 'infinity'],
      ['zoned', 'text', '-infinity'],
    ],
  );
  const was = JSON.stringify({
    text: 'old',
    dateTime: 'infinity',
    zoned: '-infinity',
    date: 'infinity',
  });
  await db.pages.query(`update ${table} set text = 'old'`);
  const answer = await visitor.post(`${path}/edit`, {
    _was: was,
    text: 'new',
    dateTime: 'infinity',
    zoned: '-infinity',
    date: '2020-02-29',
  });
  assert.equal(answer.statusCode, 303, answer.body);
  const { rows } = await db.pages.query(
    `select text, "dateTime"::text, zoned::text, date::text from ${table} where text <> 'old'`,
  );
  assert.deepEqual(rows, [
    { text: 'new', dateTime: 'infinity', zoned: '-infinity', date: '2020-02-29' },
  ]);
  const history = await visitor.get(`${path}/history`);
  assert.deepEqual([history.statusCode, infinite(history.body).length > 0], [200, true]);
});

test('what a bulk change or a delete did to infinite timestamps is put back exactly', async (t) => {
  const { db, context, resource, connectionString, picture } = await setUp(t);
  const before = await picture();
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  try {
    const timestamps = {
      'value.dateTime': '2020-01-01T00:00',
      'value.zoned': '2020-01-01T00:00',
      'value.date': '2020-01-01',
    };
    for (const [operation, body] of [
      ['update', { field: ['dateTime', 'zoned', 'date'], ...timestamps }],
      ['delete', { acknowledge: 'yes' }],
    ] as const) {
      const { task } = await launchOn(context, resource, { kind: 'matching' }, operation, body);
      assert.equal((await finished(db, task.id)).state, 'succeeded');
      assert.notDeepEqual(await picture(), before);
      const undoing = await undo(context, ada, task.id, {
        operationId: randomUUID(),
        chosen: null,
      });
      assert.equal((await finished(db, undoing.task.id)).state, 'succeeded');
      assert.deepEqual(await picture(), before);
    }
  } finally {
    await worker.stop();
  }
});
