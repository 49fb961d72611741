import assert from 'node:assert/strict';
import { test } from 'node:test';
import { taskSettingsOf } from '../../admin-settings.ts';
import { parseConfig } from '../../config.ts';
import type { Resource } from '../../resources/contract.ts';
import { htmx, testApp, type Visitor } from '../../testing/app.ts';
import { selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { tortureAdmin } from '../../testing/torture.ts';

type Context = Parameters<typeof testApp>[0];

const publish = { field: 'status', 'value.status': 'published' };
const key = (id: number) => String(id).padStart(20, '0');

async function setUp(t: Context, rows: number, options: Parameters<typeof testApp>[1] = {}) {
  const app = await testApp(t, options);
  await insertPlaces(app.db, rows);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

/** Previews an operation on all that match a filter; returns the preview's address. */
async function previewAs(
  visitor: Visitor,
  filter: string,
  body: Record<string, string> = publish,
  operation = 'edit',
): Promise<string> {
  const answer = await visitor.post('/cities/selection', { _do: 'matching', _list: filter }, htmx);
  const id = /_s=([0-9a-f-]{36})/.exec(answer.body)?.[1];
  const made = await visitor.post(`/cities/bulk-${operation}?_s=${id}`, {
    ...body,
    _do: 'preview',
  });
  assert.equal(made.statusCode, 303, made.body);
  return String(made.headers.location);
}

function figure(html: string, name: string): string | undefined {
  return new RegExp(`<dt[^>]*>${name}</dt><dd[^>]*>([^<]+)</dd>`).exec(html)?.[1];
}

test('of up to 1,000 records every one is tried; of more a sample from all over, and the page says so', async (t) => {
  const { editor, db } = await setUp(t, 1_500);
  await db.pages.query(`update gazetteer.city set status = 'published' where id % 2 = 0`);
  const exact = (await editor.get(await previewAs(editor, 'population-max=1000'))).body;
  assert.match(exact, /Every record was tried out/);
  assert.deepEqual(
    [figure(exact, 'Selected'), figure(exact, 'Will change'), figure(exact, 'Already so')],
    ['1,000', '500', '500'],
  );
  assert.doesNotMatch(exact, />Sample</);
  for (const [filter, count] of [
    ['population-max=1001', '1,001'],
    ['', '1,500'],
  ] as const) {
    const { body } = await editor.get(await previewAs(editor, filter));
    const [, tried = ''] =
      /([\d,]+) of [\d,]+ records were tried out, and the figures are of these/.exec(body) ?? [];
    assert.match(body, new RegExp(`>Sample<[\\s\\S]*of ${count} records were tried out`));
    assert.equal(figure(body, 'Selected'), count);
    const [changed, unchanged] = ['Will change', 'Already so'].map((name) =>
      Number(figure(body, name)),
    );
    assert.equal((changed ?? 0) + (unchanged ?? 0), Number(tried.replace(',', '')));
    assert.ok((changed ?? 0) > 400 && (unchanged ?? 0) > 400, `${changed} ${unchanged}`);
  }
});

test('a preview names triggers, says how long a slow change is expected to take, and tries as many as two seconds allow', async (t) => {
  const { editor, db } = await setUp(t, 1_500, {
    settings: { previewMs: taskSettingsOf(parseConfig({})).previewMs },
  });
  await db.pages.query(`
    create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.003); return new; end $$;
    create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();
  `);
  const { body } = await editor.get(await previewAs(editor, ''));
  assert.match(body, /The trigger “dawdle” runs for every record/);
  assert.match(body, /Expected to take about [\d.]+ (sec|min)/);
  const [, tried = ''] = /([\d,]+) of 1,500 records were tried out/.exec(body) ?? [];
  assert.ok(Number(tried) > 0 && Number(tried) < 1_000, tried);
});

test('the preview of a delete warns of what goes with it and of a foreign key without an index', async (t) => {
  const { admin, db } = await setUp(t, 30);
  await db.pages.query(`
    create table gazetteer.visit (city_id int references gazetteer.city on delete cascade);
    insert into gazetteer.visit select n from generate_series(1, 4) n;
  `);
  const path = await previewAs(admin, '', {}, 'delete');
  const { body } = await admin.get(path);
  assert.match(body, /Deleted along with them/);
  assert.match(body, /4 rows of visit/);
  assert.match(body, /This may be slow: there is no index on visit \(city_id\)/);
  await db.pages.query('create index on gazetteer.visit (city_id)');
  assert.doesNotMatch((await admin.get(await previewAs(admin, '', {}, 'delete'))).body, /no index/);
});

test('a page of a preview begins where the record was that is no longer there', async (t) => {
  const { editor, db } = await setUp(t, 60);
  const path = await previewAs(editor, '');
  const next = /href="([^"]*_after=[^"]*)"/.exec((await editor.get(path)).body)?.[1] ?? '';
  const titles = async () => {
    const { body } = await editor.get(next.replaceAll('&amp;', '&'));
    return [...body.matchAll(/>(Place \d+)<\/a>/g)].map(([, title]) => title);
  };
  const places = (from: number) =>
    Array.from({ length: 20 }, (_, index) => `Place ${from + index}`);
  assert.deepEqual(await titles(), places(21));
  await db.pages.query('delete from gazetteer.city where id in (20, 21)');
  assert.deepEqual(await titles(), places(22));
});

test('where another task holds some records a confirmation does what was chosen: nothing, go on without them, or wait', async (t) => {
  const { editor, db } = await setUp(t, 60);
  const { rows } = await db.pages.query(
    `insert into ${db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state)
     values ('cities', 'City', 'update', 'Edit cities', 'queue', 'somebody', 'Grace', '{}', '{}', '{}', 'running') returning id`,
  );
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', $2, $3, $4)`,
    [rows[0].id, [key(1), key(2)], key(1), key(2)],
  );
  const few = `/cities/bulk-edit?_s=${await selectAs(editor, 5)}`;
  const preview = String((await editor.post(few, { ...publish, _do: 'preview' })).headers.location);
  const refused = await editor.post(preview, { overlap: 'refuse' });
  assert.equal(refused.statusCode, 409);
  assert.match(refused.body, /Grace/);
  const statuses = async () =>
    (await db.pages.query(`select id from gazetteer.city where status = 'published' order by id`))
      .rows;
  assert.deepEqual(await statuses(), []);
  const waiting = await editor.post(preview, { overlap: 'wait' });
  assert.equal(waiting.statusCode, 303);
  assert.deepEqual(await statuses(), []);
  const task = await editor.get(String(waiting.headers.location), { accept: 'application/json' });
  assert.equal(task.json().state, 'queued');
  const others = `/cities/bulk-edit?_s=${await selectAs(editor, 6)}`;
  const second = String(
    (await editor.post(others, { ...publish, _do: 'preview' })).headers.location,
  );
  assert.equal((await editor.post(second, { overlap: 'skip' })).statusCode, 303);
  assert.deepEqual(await statuses(), [{ id: 3 }, { id: 4 }, { id: 5 }, { id: 6 }]);
});

test('a preview shows numbers in JSON, and whole numbers, with every digit', async (t) => {
  const { context, db, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await signIn('admin');
  const { slug, model } = context.registry.list.find(
    (resource) => resource.model.name === 'Everything',
  ) as Resource;
  await db.pages.query(
    `update ${model.table} set "json" = '[12345678901234567890, 2.50]', "bigInt" = 9007199254740993`,
  );
  const selected = await admin.post(`/${slug}/selection`, { _do: 'matching', _list: '' }, htmx);
  const changes = {
    field: ['json', 'bigInt'],
    'value.json': '{"a": 0.10000000000000000001}',
    'change.bigInt': 'increase',
    'value.bigInt': '2',
  };
  const path = `/${slug}/bulk-edit?_s=${/_s=([0-9a-f-]{36})/.exec(selected.body)?.[1]}`;
  const made = await admin.post(path, { ...changes, _do: 'preview' });
  const { body } = await admin.get(String(made.headers.location));
  for (const shown of [
    '12345678901234567890',
    '2.50',
    '0.10000000000000000001',
    '9,007,199,254,740,993',
    '9,007,199,254,740,995',
  ]) {
    assert.ok(body.includes(shown), shown);
  }
});
