import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listRecords } from '../../selection/list.ts';
import { testApp } from '../../testing/app.ts';
import { tortureAdmin } from '../../testing/torture.ts';

const size = 2_000_000;

test('a list whose records hold two megabytes each stays small, whatever holds them', async (t) => {
  const { db, context, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const viewer = await signIn('viewer');
  const slugOf = (model: string) =>
    context.registry.list.find((one) => one.model.name === model)?.slug;
  // Copied as it is stored, so that it is made once.
  const copies = (table: string, columns: string) =>
    db.pages.query(
      `insert into ${table} (${columns}) select ${columns} from (select * from ${table} order by id desc limit 1) one, generate_series(1, 99)`,
    );
  await db.pages.query(
    `insert into torture."every thing" (text, citext, xml, json, "jsonText", bytes)
     select big, big::citext, ('<a>' || repeat('x', ${size}) || '</a>')::xml, to_jsonb(big), to_json(big), convert_to(big, 'utf8')
     from (select repeat('<"&😀>', ${Math.floor(size / 8)}) as big) one`,
  );
  await copies('torture."every thing"', 'text, citext, xml, json, "jsonText", bytes');
  await db.pages.query(
    `insert into "Odd-Schema"."ScalarList" (name, texts, jsons, bytes, ints)
     select big, array[big], array[to_jsonb(big)], array[convert_to(big, 'utf8')], array(select generate_series(1, 100000))
     from (select repeat('ab"', ${Math.floor(size / 3)}) as big) one`,
  );
  await copies('"Odd-Schema"."ScalarList"', 'name, texts, jsons, bytes, ints');
  for (const model of ['Everything', 'ScalarList']) {
    const slug = slugOf(model);
    for (const [rows, max] of [
      [25, 300_000],
      [100, 1_000_000],
    ] as const) {
      const started = performance.now();
      const answer = await viewer.get(`/${slug}?_sort=-id&_size=${rows}`);
      assert.equal(answer.statusCode, 200);
      t.diagnostic(
        `${model}: ${rows} rows, ${answer.body.length} characters, ${Buffer.byteLength(answer.body)} bytes, ${Math.round(performance.now() - started)} ms`,
      );
      assert.ok(
        Buffer.byteLength(answer.body) < max,
        `${model}: ${Buffer.byteLength(answer.body)} bytes`,
      );
    }
  }
  // What is not shown is not read either.
  const resource = context.registry.for(viewer.principal, slugOf('Everything') ?? '');
  const query = {
    filter: '',
    sort: '-id',
    page: 1,
    size: 25,
    after: null,
    before: null,
    isCounted: false,
  };
  const { records } = await listRecords(context.registry, resource, viewer.principal, query);
  const longest = Math.max(
    ...records.flatMap(({ values }) =>
      Object.values(values).map((value) => String(value ?? '').length),
    ),
  );
  assert.ok(longest < 500, `a value of ${longest} characters was read`);
  // Sorted by such a text there is no place in the list that an address could name.
  const sorted = await viewer.get(`/${slugOf('Everything')}?_sort=-text`);
  assert.equal(sorted.statusCode, 200);
  assert.ok(Buffer.byteLength(sorted.body) < 300_000);
  assert.match(sorted.body, /_page=2/);
});
