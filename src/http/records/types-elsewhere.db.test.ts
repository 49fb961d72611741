import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { formOf } from '../../testing/html-form.ts';
import { tortureAdmin } from '../../testing/torture.ts';

// An enum of “Odd-Schema” is in the schema anyway; none of these is in any search path.
const domains = `
  create schema "else where";
  create domain "else where"."Short" as varchar(20) check (value !~ 'never');
  create domain "else where"."Count" as integer check (value > -1000000000);
  create domain "else where"."Moment" as timestamptz(6);
  update torture."every thing" set "int" = nullif("int", -2147483648);
  alter table torture."every thing" alter "varchar" type "else where"."Short", alter "int" type "else where"."Count", alter timestamptz type "else where"."Moment";`;

test('an enum and domains of schemas outside of the search path are listed, filtered, typed, changed in bulk, refused and put back', async (t) => {
  const { db, context, connectionString, signIn } = await testApp(t, {
    admin: tortureAdmin,
    content: 'torture',
  });
  await db.pages.query(domains);
  const visitor = await signIn('admin');
  const { slug, model } =
    context.registry.list.find(({ model: { name } }) => name === 'Everything') ??
    assert.fail('nothing of everything');
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const readAll = async () =>
    (await db.pages.query(`select * from ${model.table} order by id`)).rows;

  for (const filter of [
    '',
    'otherKind=red',
    'otherKind-not=red',
    'varchar-contains=plain',
    'varchar=plain',
    'int-min=1',
    'int-between=0..42',
    'timestamptz=1970-01-01',
  ]) {
    const { statusCode, body } = await visitor.get(`/${slug}?${filter}&_sort=otherKind,-int`);
    assert.equal(statusCode, 200, `${filter} ${body}`);
    assert.match(body, /data-key=|name="key"/, filter);
  }

  const edit = `/${slug}/4/edit`;
  const form = formOf((await visitor.get(edit)).body, 'record-form');
  const typed = {
    ...form,
    otherKind: 'green',
    varchar: 'typed',
    int: '7',
    timestamptz: '2026-01-31T10:30',
  };
  const saved = await visitor.post(edit, typed);
  assert.equal(saved.statusCode, 303, saved.body);
  const [row] = (
    await db.pages.query(
      `select "otherKind"::text as kind, "varchar", "int", timestamptz from ${model.table} where id = 4`,
    )
  ).rows;
  assert.deepEqual(row, {
    kind: 'green',
    varchar: 'typed',
    int: 7,
    timestamptz: new Date('2026-01-31T10:30Z'),
  });
  const wrong = await visitor.post(edit, {
    ...formOf((await visitor.get(edit)).body, 'record-form'),
    varchar: 'never',
  });
  assert.equal(wrong.statusCode, 422);

  const before = await readAll();
  const chosen = await visitor.post(`/${slug}/selection`, { _do: 'matching', _list: '' });
  const path = `/${slug}/bulk-edit?_s=${/_s=([0-9a-f-]{36})/.exec(String(chosen.headers.location))?.[1]}`;
  const launch = async (body: Record<string, string | string[]>) => {
    const operation = /name="_op" value="([^"]+)"/.exec((await visitor.get(path)).body)?.[1] ?? '';
    const previewed = await visitor.post(path, { _op: operation, _do: 'preview', ...body });
    assert.equal(previewed.statusCode, 303, previewed.body);
    assert.equal((await visitor.get(String(previewed.headers.location))).statusCode, 200);
    const confirmed = await visitor.post(
      String(previewed.headers.location),
      {},
      { accept: 'application/json' },
    );
    assert.equal(confirmed.statusCode, 202, confirmed.body);
    return finished(db, confirmed.json().taskId);
  };
  const task = await launch({
    field: ['otherKind', 'varchar', 'int', 'timestamptz'],
    'change.otherKind': 'set',
    'value.otherKind': 'red',
    'change.varchar': 'set',
    'value.varchar': 'all of them',
    'change.int': 'increase',
    'value.int': '5',
    'change.timestamptz': 'shift',
    'value.timestamptz': '1',
    'unit.timestamptz': 'days',
  });
  assert.deepEqual(
    [task.state, task.failed],
    ['partial', 4],
    'what the largest number cannot take is refused',
  );
  const changed = await db.pages.query(
    `select count(*)::int as count from ${model.table} where "otherKind"::text = 'red' and "varchar" = 'all of them'`,
  );
  assert.equal(changed.rows[0]?.count, task.changed);

  const page = (await visitor.get(`/tasks/${task.id}/undo`)).body;
  const undone = await visitor.post(
    `/tasks/${task.id}/undo`,
    { _op: /name="_op" value="([^"]+)"/.exec(page)?.[1] ?? '' },
    { accept: 'application/json' },
  );
  assert.equal(undone.statusCode, 202, undone.body);
  assert.equal((await finished(db, undone.json().taskId)).state, 'succeeded');
  assert.deepEqual(await readAll(), before);

  const refused = await launch({
    field: 'varchar',
    'change.varchar': 'set',
    'value.varchar': 'never',
  });
  assert.deepEqual([refused.state, refused.changed, refused.failed], ['failed', 0, before.length]);
  await worker.stop();
  assert.deepEqual(await readAll(), before);
});
