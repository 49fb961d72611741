import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import { defineResource } from '../../index.ts';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchAs, openAs, selectAs } from '../../testing/launch-as.ts';
import { eventsIn, livePath } from '../../testing/live-pieces.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];
type Site = TestApp & { editor: Visitor; admin: Visitor };

const keyOf = (id: number) => String(id).padStart(20, '0');
const idsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + index);

async function setUp(t: Context, admin: AdminDefinition = sample): Promise<Site> {
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

let launched = 0;

/** A task in the background, unlike any before it. */
function queue(visitor: Visitor, from: number): Promise<number> {
  const body = { field: 'notes', 'value.notes': `note ${++launched}` };
  return launchAs(visitor, 20, { from, body });
}

/** A task that holds the first so many places. */
async function hold({ db }: Site, visitor: Visitor, count = 5): Promise<number> {
  const id = await queue(visitor, 1);
  const keys = idsOf(1, count).map(keyOf);
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $4)`,
    [id, keys, keys[0], keys.at(-1)],
  );
  await db.pages.query(
    `update ${db.t.task} set state = 'running', total = 25, done = 5, started_at = now() where id = $1`,
    [id],
  );
  return id;
}

const release = ({ db }: Site, id: number) =>
  db.pages.query(`update ${db.t.chunk} set state = 'done' where task_id = $1`, [id]);

test('all bars, badges and the bell of a page are one answer of two reads beside the session’s, however many they are, and no write', async (t) => {
  const site = await setUp(t);
  const counts: number[] = [];
  for (const [bars, rows] of [
    [1, 1],
    [6, 40],
  ] as const) {
    const ids = await Promise.all(idsOf(1, bars).map(() => queue(site.editor, 41)));
    const taskId = await hold(site, site.admin, rows);
    const asked = [
      ...ids.map((id) => `bar=${id}.strip`),
      `records=cities`,
      ...idsOf(1, rows).map((id) => `row=${taskId}.${keyOf(id)}`),
      'bell=0',
    ];
    const { result, statements } = await countStatements(site.db, () =>
      site.editor.get(`/tasks/live?${asked.join('&')}`, htmx),
    );
    assert.equal(result.statusCode, 200);
    assert.equal(result.body.match(/class="task-progress/g)?.length, bars);
    assert.equal(result.body.match(/class="row-lock/g)?.length, rows);
    assert.match(result.body, /id="bell"/);
    for (const statement of statements) assert.match(statement.trim(), /^(select|with)/i);
    counts.push(statements.length);
    await release(site, taskId);
  }
  assert.deepEqual(counts, [3, 3]);
});

test('it ends when the last bar has ended, and tells of each', async (t) => {
  const site = await setUp(t);
  const ids = [await queue(site.editor, 41), await queue(site.editor, 41)];
  const finish = (id?: number) =>
    site.db.pages.query(
      `update ${site.db.t.task} set state = 'succeeded', total = 1, done = 1, changed = 1, started_at = now(), finished_at = now() where id = $1`,
      [id],
    );
  const path = livePath((await site.editor.get('/cities')).body);
  assert.match(path, /bar=.*bar=.*bell=|bell=.*bar=.*bar=/);
  await finish(ids[0]);
  const first = await site.editor.get(path, htmx);
  assert.equal(first.statusCode, 200);
  assert.equal(first.body.match(/data-ended="finished"/g)?.length, 1);
  await finish(ids[1]);
  const last = await site.editor.get(path, htmx);
  assert.equal(last.statusCode, 286);
  assert.equal(last.body.match(/data-ended="finished"/g)?.length, 2);
  assert.equal(last.body.match(/bulkhead:toast/g)?.length, 2);
  assert.equal((await site.editor.get('/tasks/live?bell=0', htmx)).statusCode, 200);
});

test('a task that somebody may not see is as one that there is not, in a bar and as what another waits for', async (t) => {
  const site = await setUp(t);
  const own = await queue(site.editor, 41);
  const other = await queue(site.admin, 1);
  await site.db.pages.query(
    `update ${site.db.t.task} set blocked_by = $2, backend = 'inline' where id = $1`,
    [own, other],
  );
  const ask = (ids: readonly number[], visitor = site.editor) =>
    visitor.get(`/tasks/live?${ids.map((id) => `bar=${id}.page`).join('&')}`, htmx);
  const pieces = async (id: number) =>
    (await ask([id])).body.replaceAll(`task-${id}-`, 'task-').replace(/queued\.0\.\d+/, '');
  assert.equal(await pieces(other), await pieces(1_000_000));
  assert.doesNotMatch((await ask([own])).body, new RegExp(`/tasks/${other}`));
  assert.match((await ask([own], site.admin)).body, new RegExp(`href="/tasks/${other}"`));
});

test('the badge of a row says how far its task is, and is gone when the record is free or another holds it', async (t) => {
  const site = await setUp(t);
  const taskId = await hold(site, site.admin);
  const page = (await site.editor.get('/cities?_sort=id')).body;
  assert.equal(page.match(/data-locked/g)?.length, 5);
  const path = livePath(page, 'lock-[^"]*');
  assert.deepEqual(
    new URLSearchParams(path.split('?')[1]).getAll('row'),
    idsOf(1, 5).map((id) => `${taskId}.${keyOf(id)}`),
  );
  await site.db.pages.query(`update ${site.db.t.task} set done = 10 where id = $1`, [taskId]);
  const held = await site.editor.get(path, htmx);
  assert.deepEqual([held.statusCode, eventsIn(held.body)], [200, {}]);
  assert.equal(held.body.match(/, 40 %/g)?.length, 5);
  assert.doesNotMatch(held.body, /href="\/tasks\/\d/);
  assert.match((await site.admin.get(path, htmx)).body, new RegExp(`href="/tasks/${taskId}"`));

  await release(site, taskId);
  const next = await hold(site, site.admin, 2);
  assert.notEqual(next, taskId);
  const free = await site.editor.get(path, htmx);
  assert.equal(free.statusCode, 286);
  assert.doesNotMatch(free.body, /row-lock|data-live/);
  assert.deepEqual(eventsIn(free.body)['bulkhead:freed'], {
    resource: 'cities',
    message: '5 cities are free again.',
  });
  // The list behind it then shows the other holder, and asks for that.
  assert.match((await site.editor.get('/cities?_sort=id')).body, new RegExp(`row=${next}\\.`));
});

test('a record out of somebody’s reach is answered as one that nothing holds', async (t) => {
  const resources = [
    defineResource(metadata, 'City', {
      scope: ({ roles }) => (roles.includes('editor') ? { id: { gt: 2 } } : {}),
    }),
  ];
  const site = await setUp(t, { ...sample, schedules: [], tasks: [], taskHooks: [], resources });
  const taskId = await hold(site, site.admin);
  const ask = async (id: number) => {
    const asked = `records=cities&row=${taskId}.${keyOf(id)}&holding=cities/${id}&lock=cities/${id}`;
    const { body } = await site.editor.get(`/tasks/live?${asked}`, htmx);
    return body.replaceAll(keyOf(id), 'KEY').replaceAll(`cities/${id}`, 'RECORD');
  };
  assert.equal(await ask(1), await ask(1_000_000));
  assert.match(await ask(3), /row-lock/);
  const nonsense =
    'records=none&row=1.x&lock=nothing&holding=cities/x&list=?state=none&bar=x&bell=x';
  const answer = await site.editor.get(`/tasks/live?${nonsense}`, htmx);
  assert.equal(answer.statusCode, 286);
});

test('the page of a record says when it is free, and leads to it as it is then', async (t) => {
  const site = await setUp(t);
  const taskId = await hold(site, site.admin);
  const page = await site.editor.get('/cities/3');
  assert.match(page.body, /is changing it with .*20 % of it is done\./);
  const path = livePath(page.body, 'record-lock');
  assert.equal((await site.editor.get(path, htmx)).statusCode, 200);
  await release(site, taskId);
  const free = await site.editor.get(path, htmx);
  assert.equal(free.statusCode, 286);
  assert.match(free.body, /id="record-lock"[^>]*role="status"/);
  assert.match(
    free.body,
    /Nothing holds this record any more\. <a class="link" href="\/cities\/3"/,
  );
});

test('whoever was told of a task in the way of theirs follows it, by a line or by its bar, and goes on with what they asked for', async (t) => {
  const site = await setUp(t);
  const taskId = await hold(site, site.admin);
  const refusedTo = async (visitor: Visitor) => {
    const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 5)}`;
    const typed = { field: 'notes', 'value.notes': 'kept all the while' };
    return visitor.post(path, { _op: await openAs(visitor, path), ...typed }, htmx);
  };
  const [line, bar] = [await refusedTo(site.editor), await refusedTo(site.admin)];
  assert.deepEqual([line.statusCode, bar.statusCode], [409, 409]);
  const path = livePath(line.body, 'bulk-conflict');
  await site.db.pages.query(`update ${site.db.t.task} set done = 15 where id = $1`, [taskId]);
  const { result: held, statements } = await countStatements(site.db, () =>
    site.editor.get(path, htmx),
  );
  assert.deepEqual([held.statusCode, statements.length], [200, 2]);
  assert.match(held.body, />Admin: “Edit cities”, 15 of 25 done\.</);
  assert.doesNotMatch(held.body, /<progress|\/tasks\/\d/);
  const seen = await site.admin.get(livePath(bar.body, 'bulk-conflict'), htmx);
  assert.match(seen.body, new RegExp(`id="task-${taskId}-progress-conflict"`));
  assert.match(seen.body, /<progress/);

  const other = await queue(site.admin, 41);
  for (const [visitor, asked] of [
    [site.editor, path.replace(`.${taskId}`, `.${other}`)],
    [site.editor, `${path}.${other}`],
    [site.editor, `/tasks/live?conflict=${taskId}`],
    [site.admin, path],
  ] as const)
    assert.doesNotMatch((await visitor.get(asked, htmx)).body, /bulk-conflict/, asked);

  await site.db.pages.query(
    `update ${site.db.t.task} set state = 'succeeded', done = 25, changed = 25, finished_at = now() where id = $1`,
    [taskId],
  );
  const free = await site.editor.get(path, htmx);
  assert.equal(free.statusCode, 286);
  assert.match(free.body, /id="bulk-free"[\s\S]+ role="status"/);
  assert.doesNotMatch(free.body, /data-live/);
  const [, again = ''] = /class="[^"]*once-free" href="([^"]+)"/.exec(line.body) ?? [];
  const form = await site.editor.get(again.replaceAll('&amp;', '&'), htmx);
  assert.match(form.body, /kept all the while/);
});

test('whoever is signed in no more is told so, and asked to leave nowhere', async (t) => {
  const site = await setUp(t);
  const id = await queue(site.editor, 1);
  const url = `/tasks/live?bar=${id}.page&lock=cities/1&records=cities&row=${id}.${keyOf(1)}&list=&bell=0`;
  const answer = await site.app.inject({ url, headers: htmx });
  assert.equal(answer.statusCode, 286);
  assert.equal(answer.headers['hx-redirect'], undefined);
  assert.equal(answer.body.match(/data-ended="signed-out"/g)?.length, 2);
  assert.doesNotMatch(answer.body, /data-live|task-list|row-lock/);
  assert.deepEqual(eventsIn(answer.body), { 'bulkhead:signed-out': { href: '/sign-in' } });
});
