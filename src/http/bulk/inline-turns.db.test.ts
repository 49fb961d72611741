import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { inInlineTurn } from '../../tasks/inline-turns.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const publish = { field: 'status', 'value.status': 'published' };
const json = { accept: 'application/json' };
const atOnce = /All or nothing/;
const putOff = /In the background, since many changes are being made at once right now/;
const noTurn = /Many changes are being made at once right now, and yours found no turn/;

interface Site extends TestApp {
  editor: Visitor;
  /** Opens the dialog for so many places from one on, and gives how it is answered. */
  open(count: number, from: number): Promise<{ path: string; _op: string; body: string }>;
  /** A change of the first place, which is being made when this resolves. */
  begin(): Promise<{ made: Promise<{ statusCode: number }> }>;
}

/** One change at a time within requests, and one of the first place takes so long. */
async function setUp(t: TestContext, slowMs: number): Promise<Site> {
  const app = await testApp(t, { env: { BULKHEAD_INLINE_MAX_CONCURRENT: '1' } });
  const { db } = app;
  await insertPlaces(db, 60);
  await db.pages.query(
    `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(${slowMs / 1000}); return new; end $$;
     create trigger slow before update on gazetteer.city for each row when (old.id = 1) execute function slow()`,
  );
  const editor = await app.signIn('editor');
  const open: Site['open'] = async (count, from) => {
    const path = `/cities/bulk-edit?_s=${await selectAs(editor, count, from)}`;
    const { body } = await editor.get(path, htmx);
    return { path, body, _op: /name="_op" value="([^"]+)"/.exec(body)?.[1] ?? '' };
  };
  const begin: Site['begin'] = async () => {
    const { path, _op } = await open(1, 1);
    const made = editor.post(path, { _op, ...publish }, htmx);
    const sleeps = `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
    while ((await db.pages.query(sleeps)).rowCount === 0) await wait(20);
    return { made };
  };
  return { ...app, editor, open, begin };
}

const statusOf = async ({ db }: TestApp, id: number) =>
  (await db.pages.query('select status from gazetteer.city where id = $1', [id])).rows[0].status;

test('where as many changes are made within requests as may, a small one goes to the background, as the dialog says and keeps to', async (t) => {
  const site = await setUp(t, 2_000);
  const { context, connectionString, db, editor, open, begin } = site;
  const { made } = await begin();
  assert.match((await open(5, 10)).body, atOnce, 'nobody is there to do it in the background');
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const opened = await open(5, 20);
  assert.match(opened.body, putOff);
  assert.doesNotMatch((await open(30, 20)).body, putOff, 'it is in the background anyway');
  const toPreview = await open(5, 40);
  const previewed = { ...publish, _do: 'preview', _op: toPreview._op };
  const preview = String((await editor.post(toPreview.path, previewed)).headers.location);
  assert.match((await editor.get(preview)).body, putOff);
  assert.equal((await made).statusCode, 200);
  assert.match((await open(5, 30)).body, atOnce, 'there is room again');
  for (const [path, body] of [
    [opened.path, { _op: opened._op, ...publish }],
    [preview, {}],
  ] as const) {
    const launched = await editor.post(path, body, json);
    assert.equal(launched.json().outcome, 'queued', launched.body);
    const task = await finished(db, launched.json().taskId);
    assert.deepEqual([task.backend, task.state], ['queue', 'succeeded']);
  }
  await worker.stop();
});

test('what is launched within what is made at once has the turn of that', {
  timeout: 30_000,
}, async (t) => {
  const { context } = await testApp(t, { env: { BULKHEAD_INLINE_MAX_CONCURRENT: '1' } });
  const within = await inInlineTurn(context, () => inInlineTurn(context, async () => 'done'));
  assert.equal(within, 'done');
  assert.equal(await inInlineTurn(context, async () => 'free again'), 'free again');
});

test('what was promised to be made at once waits for its turn', async (t) => {
  const site = await setUp(t, 1_500);
  const promised = await site.open(5, 10);
  assert.match(promised.body, atOnce);
  const { made } = await site.begin();
  const answer = await site.editor.post(promised.path, { _op: promised._op, ...publish }, htmx);
  assert.equal(answer.statusCode, 200, answer.body);
  assert.equal(await statusOf(site, 12), 'published');
  assert.equal((await made).statusCode, 200);
});

test('what finds no turn changes nothing, says so with all that was typed, and may be sent again', async (t) => {
  const site = await setUp(t, 7_000);
  const { editor, open, begin } = site;
  const [first, second, third] = [await open(5, 10), await open(5, 20), await open(5, 30)];
  const { made } = await begin();
  const typed = { ...publish, 'value.notes': 'typed <here>' };
  const [inDialog, onPage, program] = await Promise.all([
    editor.post(first.path, { _op: first._op, ...typed }, htmx),
    editor.post(second.path, { _op: second._op, ...typed }),
    editor.post(third.path, { _op: third._op, ...typed }, json),
  ]);
  assert.deepEqual(
    [inDialog, onPage, program].map(({ statusCode }) => statusCode),
    [423, 503, 503],
  );
  assert.equal(program.json().error, 'no-turn');
  for (const { body } of [inDialog, onPage, program]) assert.match(body, noTurn);
  for (const { body } of [inDialog, onPage]) assert.match(body, /typed &lt;here&gt;/);
  for (const id of [12, 22, 32]) assert.equal(await statusOf(site, id), 'draft');
  assert.equal((await made).statusCode, 200);
  const again = await editor.post(second.path, { _op: second._op, ...typed });
  assert.equal(again.statusCode, 303);
  assert.equal(await statusOf(site, 22), 'published');
});
