import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { formOf } from '../../testing/html-form.ts';
import { tortureAdmin } from '../../testing/torture.ts';

test('values that Prisma cannot read are shown as they are, and kept by saves of other fields', async (t) => {
  const { db, context, signIn, connectionString } = await testApp(t, {
    admin: tortureAdmin,
    content: 'torture',
  });
  const end = async (taskId: number) => {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    await finished(db, taskId, 20_000).finally(() => worker.stop());
  };
  const admin = await signIn('admin');
  const slugOf = (model: string) =>
    context.registry.list.find((one) => one.model.name === model)?.slug ?? '';
  const { rows: types } = await db.pages.query<{ mood: string }>(
    `select format_type(atttypid, null) as mood from pg_attribute where attrelid = 'torture."every thing"'::regclass and attname = 'mood'`,
  );
  const mood = types[0]?.mood ?? '';
  await db.pages.query(`alter type ${mood} add value 'unheard of'`);
  const { rows: one } = await db.pages.query(
    `insert into torture."every thing" (text, mood) values ('before', 'unheard of') returning id`,
  );
  const { rows: lists } = await db.pages.query(
    `insert into "Odd-Schema"."ScalarList" (name, texts, ints, moods, dates)
     values ('before', array['a', null, ''], array[[1, 2], [3, 4]], array['unheard of']::${mood}[], array[null, '2026-01-31']::date[]) returning id`,
  );
  const cases = [
    {
      slug: slugOf('Everything'),
      id: one[0].id,
      field: 'text',
      shown: ['unheard of'],
      table: 'torture."every thing"',
    },
    {
      slug: slugOf('ScalarList'),
      id: lists[0].id,
      field: 'name',
      shown: ['a, NULL, &quot;&quot;', '(1, 2), (3, 4)', 'unheard of', 'NULL, 31 Jan 2026'],
      table: '"Odd-Schema"."ScalarList"',
    },
  ];
  for (const { slug, id, field, shown, table } of cases) {
    const row = async () =>
      (await db.pages.query(`select to_jsonb(t) as row from ${table} t where id = $1`, [id]))
        .rows[0]?.row;
    const before = await row();
    const page = await admin.get(`/${slug}/${id}`);
    assert.equal(page.statusCode, 200);
    for (const text of shown)
      assert.ok(page.body.includes(text), `${text} is not on the page of ${slug}`);
    const edit = await admin.get(`/${slug}/${id}/edit`);
    assert.equal(edit.statusCode, 200);
    const form = formOf(edit.body, 'record-form');
    assert.equal(
      (await admin.post(`/${slug}/${id}/edit`, { ...form, [field]: 'after' })).statusCode,
      303,
    );
    assert.deepEqual(await row(), { ...before, [field]: 'after' });
    for (const path of ['', '/history', '/delete'])
      assert.equal((await admin.get(`/${slug}/${id}${path}`)).statusCode, 200);
    const deleted = await admin.post(`/${slug}/${id}/delete`);
    assert.equal(deleted.statusCode, 303);
    assert.equal((await admin.get(`/${slug}/${id}/history`)).statusCode, 200);
    const { rows: tasks } = await db.pages.query(`select max(id)::int as id from ${db.t.task}`);
    const undo = await admin.get(`/tasks/${tasks[0].id}/undo`);
    assert.equal(undo.statusCode, 200);
    const undone = await admin.post(`/tasks/${tasks[0].id}/undo`, {
      ...formOf(undo.body, 'undo-form'),
      _which: 'all',
    });
    assert.equal(undone.statusCode, 303);
    await end(Number(/\d+$/.exec(String(undone.headers.location))?.[0]));
    assert.deepEqual(await row(), { ...before, [field]: 'after' });
  }
});
