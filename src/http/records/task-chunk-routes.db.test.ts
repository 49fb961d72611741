import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { countStatements, htmx, type TestApp, testApp } from '../../testing/app.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

const key = (id: number) => String(id).padStart(20, '0');

type Context = Parameters<typeof testApp>[0];

async function setUp(t: Context) {
  const app = await testApp(t, { env: { BULKHEAD_CHUNK_SIZE: '10' } });
  await insertPlaces(app.db, 60);
  return { ...app, admin: await app.signIn('admin') };
}

const mapOn = (body: string) => /class="chunk-map"[^>]*>([\s\S]*?)<\/div>/.exec(body)?.[1] ?? '';
const cellsOn = (body: string) =>
  [...mapOn(body).matchAll(/<a class="chunk-(\w+)" href="([^"]+)"/g)].map(([, fate, href]) => [
    fate,
    href,
  ]);

/** Chunks of a task that changes nothing any more, by what became of them. */
async function insertChunks({ db }: TestApp, taskId: number, values: string): Promise<void> {
  await db.pages.query(`delete from ${db.t.chunk} where task_id = $1`, [taskId]);
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key, changed, unchanged, failed, conflicted, kept_back)
     select $1, number, state, array[lpad(number::text, 20, '0')], lpad(number::text, 20, '0'), lpad(number::text, 20, '0'), changed, unchanged, failed, conflicted, kept_back
     from (${values}) given(number, state, changed, unchanged, failed, conflicted, kept_back)`,
    [taskId],
  );
  await db.pages.query(
    `update ${db.t.task} set chunk_count = (select count(*) from ${db.t.chunk} where task_id = $1) where id = $1`,
    [taskId],
  );
}

test('each chunk is a cell that looks by what became of it, and a sentence says the same', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.admin, 30);
  await insertChunks(
    app,
    id,
    `values (0, 'done', 9, 1, 0, 0, 0), (10, 'done', 8, 0, 1, 1, 0), (20, 'done', 9, 0, 0, 1, 0),
       (30, 'done', 9, 0, 0, 0, 1), (40, 'done', 0, 10, 0, 0, 0), (50, 'active', 0, 0, 0, 0, 0)`,
  );
  const { body } = await app.admin.get(`/tasks/${id}`);
  const at = (number: number) => `/tasks/${id}/chunks/${number}`;
  assert.deepEqual(cellsOn(body), [
    ['changed', at(0)],
    ['failed', at(10)],
    ['conflicted', at(20)],
    ['failed', at(30)],
    ['unchanged', at(40)],
    ['waiting', at(50)],
  ]);
  assert.match(
    body,
    />6 chunks, in the order of their records: 2 with failed records, 1 with records that were left alone, 1 waiting, 1 done, and 1 done, with nothing to change\.</,
  );
  // The strip says nothing to a screen reader; what is to be looked at has links in words.
  assert.match(body, /class="chunk-map" aria-hidden="true"/);
  assert.doesNotMatch(mapOn(body), /<a (?![^>]*tabindex="-1")/);
  for (const [place, number] of [
    [11, 10],
    [21, 20],
    [31, 30],
  ] as const)
    assert.match(body, new RegExp(`href="${at(number)}">From no. ${place}<`));
  await app.db.pages.query(
    `update ${app.db.t.task} set state = 'cancelled', started_at = now(), finished_at = now() where id = $1`,
    [id],
  );
  assert.match((await app.admin.get(`/tasks/${id}/details`, htmx)).body, /, 1 not reached, 1 done/);
});

test('a map of more chunks than cells shows the worst of neighbours', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.admin, 30);
  await insertChunks(
    app,
    id,
    `select n, case when n = 1001 then 'active' else 'done' end, 1, 0, case when n = 4001 then 1 else 0 end, case when n in (4000, 7) then 1 else 0 end, 0 from generate_series(0, 5999) n`,
  );
  const { body } = await app.admin.get(`/tasks/${id}`);
  const cells = cellsOn(body);
  assert.equal(cells.length, 2_000);
  const odd = cells.filter(([fate]) => fate !== 'changed');
  assert.deepEqual(
    odd.map(([fate, href]) => [fate, Number(/\d+$/.exec(href ?? '')?.[0])]),
    [
      ['conflicted', 7],
      ['waiting', 1001],
      ['failed', 4001],
    ],
  );
  assert.match(
    body,
    /6,000 chunks, [^<]*: 1 with failed records, 2 with records that were left alone, 1 waiting, and 5,996 done\. A cell stands for up to 3 chunks/,
  );
});

test('the map of a task of a million records is under 60 kB as it is sent, and costs one statement', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.admin, 30);
  const page = () => app.admin.get(`/tasks/${id}`);
  await insertChunks(app, id, `values (0, 'done', 1, 0, 0, 0, 0)`);
  const plain = await countStatements(app.db, page);
  // The smallest chunks there are of so many, each with a fate of its own.
  await insertChunks(
    app,
    id,
    `select n * 100, (array['done','done','active','done','done'])[1 + n * 7919 % 5], n * 31 % 2, 0, case when n * 104729 % 11 = 0 then 1 else 0 end, case when n * 7907 % 13 = 0 then 1 else 0 end, 0 from generate_series(0, 9999) n`,
  );
  const { result, statements } = await countStatements(app.db, page);
  assert.equal(cellsOn(result.body).length, 2_000);
  assert.equal(statements.length - plain.statements.length, 1);
  const sizes = [brotliCompressSync(mapOn(result.body)), gzipSync(mapOn(result.body))];
  for (const { length } of sizes) assert.ok(length < 60_000, `${length}`);
  const sent = await app.app.inject({
    url: `/tasks/${id}`,
    headers: { cookie: app.admin.cookie, 'accept-encoding': 'gzip' },
  });
  assert.equal(sent.headers['content-encoding'], 'gzip');
  assert.ok(sent.rawPayload.length < 60_000, `${sent.rawPayload.length}`);
});

test('a cell leads to what was changed and what failed in its chunk, and to its neighbours', async (t) => {
  const app = await setUp(t);
  await app.db.pages.query(
    `alter table gazetteer.city add constraint few check (notes is null or population not in (12, 25))`,
  );
  const id = await launchAs(app.admin, 30, { body: { field: 'notes', 'value.notes': 'seen' } });
  const end = await workOff(app, id);
  assert.deepEqual([end.state, end.changed, end.failed], ['partial', 28, 2]);
  const { rows: chunks } = await app.db.pages.query<{ number: number; keys: string[] }>(
    `select number, keys from ${app.db.t.chunk} where task_id = $1 order by number`,
    [id],
  );
  assert.ok(chunks.length > 2);
  const { body: page } = await app.admin.get(`/tasks/${id}`);
  assert.deepEqual(
    cellsOn(page).map(([, href]) => href),
    chunks.map(({ number }) => `/tasks/${id}/chunks/${number}`),
  );
  for (const [index, { number, keys }] of chunks.entries()) {
    const { body, statusCode } = await app.admin.get(`/tasks/${id}/chunks/${number}`);
    assert.equal(statusCode, 200);
    const [, failed = ''] = />Failed records<\/h2>([\s\S]*?)<\/table>/.exec(body) ?? [];
    const [, changed = ''] = />What was changed<\/h2>([\s\S]*?)<\/table>/.exec(body) ?? [];
    const placesIn = (part: string) =>
      [...part.matchAll(/>Place (\d+)</g)].map(([, n]) => key(Number(n)));
    const refused = keys.filter((one) => one === key(12) || one === key(25));
    assert.deepEqual(placesIn(failed), refused);
    assert.deepEqual(
      placesIn(changed),
      keys.filter((one) => !refused.includes(one)),
    );
    const link = (rel: string) => new RegExp(`rel="${rel}" href="([^"]+)"`).exec(body)?.[1];
    const at = (other: number | undefined) =>
      other === undefined ? undefined : `/tasks/${id}/chunks/${other}`;
    assert.equal(link('prev'), at(chunks[index - 1]?.number));
    assert.equal(link('next'), at(chunks[index + 1]?.number));
  }
  for (const none of ['9999', 'x', '-1', '99999999999'])
    assert.equal((await app.admin.get(`/tasks/${id}/chunks/${none}`)).statusCode, 404, none);
});

test('the records that one chunk changed come in pages of their own', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const admin = await app.signIn('admin');
  const id = await launchAs(admin, 60, { body: { field: 'notes', 'value.notes': 'seen' } });
  await workOff(app, id);
  const { rows } = await app.db.pages.query<{ number: number; size: number }>(
    `select number, cardinality(keys) as size from ${app.db.t.chunk} where task_id = $1 order by size desc limit 1`,
    [id],
  );
  const { number, size } = rows[0] as { number: number; size: number };
  assert.ok(size > 25);
  const found: string[] = [];
  for (let path: string | undefined = `/tasks/${id}/chunks/${number}`; path; ) {
    const { body } = await admin.get(path);
    const [, changed = ''] = />What was changed<\/h2>([\s\S]*?)<\/table>/.exec(body) ?? [];
    found.push(...[...changed.matchAll(/>(Place \d+)</g)].map(([, name = '']) => name));
    path = /rel="next" href="([^"]+_after[^"]*)"/.exec(body)?.[1];
  }
  assert.equal(found.length, size);
  assert.equal(new Set(found).size, size);
});
