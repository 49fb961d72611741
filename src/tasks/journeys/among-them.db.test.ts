import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { startWorker } from '../worker/worker.ts';

/** Persons who lead to one another by a key that must not lead nowhere. */
async function setUp(t: TestContext) {
  const app = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const people =
    app.context.registry.list.find(({ model }) => model.name === 'Person') ??
    assert.fail('no people');
  const { table, dbTable } = people.model;
  await app.db.pages.query(
    `truncate ${table} cascade; alter table ${table} drop constraint "${dbTable}_mentor_id_fkey"`,
  );
  const admin = await app.signIn('admin');

  /** Deletes all of so many, with a worker, as the pages do. */
  const deleteAll = async (rule: string, records: number, mentorOf: string) => {
    await app.db.pages.query(
      `alter table ${table} drop constraint if exists leads; truncate ${table} cascade`,
    );
    await app.db.pages.query(
      `insert into ${table} (id, name) select n, 'Person ' || n from generate_series(1, ${records}) n`,
    );
    await app.db.pages.query(`update ${table} set mentor_id = ${mentorOf}`);
    await app.db.pages.query(
      `alter table ${table} add constraint leads foreign key (mentor_id) references ${table} (id) ${rule}`,
    );
    await app.db.pages.query(`analyze ${table}`);
    const chosen = await admin.post(`/${people.slug}/selection`, { _do: 'matching', _list: '' });
    const path = `/${people.slug}/bulk-delete?_s=${/_s=([0-9a-f-]{36})/.exec(String(chosen.headers.location))?.[1]}`;
    const operation = /name="_op" value="([^"]+)"/.exec((await admin.get(path)).body)?.[1] ?? '';
    const previewed = await admin.post(path, { _op: operation, _do: 'preview' });
    const preview = String(previewed.headers.location);
    const { body } = await admin.get(preview);
    const confirmed = await admin.post(
      preview,
      { count: String(records), acknowledge: 'yes' },
      { accept: 'application/json' },
    );
    assert.equal(confirmed.statusCode, 202, confirmed.body);
    const task = await finished(app.db, confirmed.json().taskId);
    const { rows } = await app.db.pages.query<{ count: number }>(
      `select count(*)::int as count from ${table}`,
    );
    return { task, body, left: rows[0]?.count as number };
  };
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
  });
  return { ...app, admin, deleteAll, worker };
}

const sentence =
  /Some of them lead to others of them by Mentor\..*may be refused, and goes when it is tried again/;
/** Null: a machine that has much to do has not tried all of them in time. */
const willGo = (body: string) =>
  body.includes('Every record was tried out')
    ? (/Will be deleted[\s\S]{0,200}?>([\d,]+)</.exec(body)?.[1] ?? 'nothing')
    : null;

const shapes = [
  {
    name: 'those that are led to come first',
    mentorOf: (half: number) => `case when id > ${half} then id - ${half} end`,
  },
  {
    name: 'those that lead come first',
    mentorOf: (half: number) => `case when id <= ${half} then id + ${half} end`,
  },
  { name: 'each leads to the one before', mentorOf: () => 'nullif(id - 1, 0)' },
  { name: 'each leads to the one after', mentorOf: () => `case when id < RECORDS then id + 1 end` },
  { name: 'in a circle', mentorOf: () => `case when id < RECORDS then id + 1 else 1 end` },
];

test('up to a thousand that lead to one another go together, as the preview says, in whatever order they come', async (t) => {
  const { deleteAll, worker } = await setUp(t);
  try {
    for (const { name, mentorOf } of shapes) {
      const { task, body, left } = await deleteAll(
        'on delete restrict',
        300,
        mentorOf(150).replace('RECORDS', '300'),
      );
      assert.match(body, sentence, name);
      assert.ok(['300', null].includes(willGo(body)), `${name}: ${willGo(body)}`);
      assert.deepEqual([task.state, task.changed, left], ['succeeded', 300, 0], name);
    }
    const alone = await deleteAll('on delete restrict', 300, 'null');
    assert.doesNotMatch(alone.body, sentence);
    assert.equal(alone.task.state, 'succeeded');
  } finally {
    await worker.stop();
  }
});
