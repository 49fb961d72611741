import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { defineResource } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { countStatements, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

const keyOf = (id: number) => String(id).padStart(20, '0');

async function setUp(
  t: Parameters<typeof testApp>[0],
  options: Parameters<typeof testApp>[1] = {},
  places = 130,
) {
  const app = await testApp(t, options);
  await insertPlaces(app.db, places);
  return app;
}

/** Runs a bulk change of the first `count` cities, or of all that a filter finds, to its end. */
async function done(
  app: TestApp,
  { principal }: Visitor,
  body: object,
  { count = 3, filter = null as string | null } = {},
) {
  const { context } = app;
  const cities = context.registry.get('cities');
  const selected =
    filter === null
      ? { keys: Array.from({ length: count }, (_, index) => keyOf(index + 1)) }
      : { kind: 'matching' as const, filter };
  const operation = 'acknowledge' in body ? 'delete' : 'update';
  const { task } = await launchOn(context, cities, selected, operation, { ...body }, principal, {
    inBackground: true,
  });
  return workOff(app, task.id);
}

async function undone(app: TestApp, visitor: Visitor, taskId: number): Promise<number> {
  const { headers } = await visitor.post(`/tasks/${taskId}/undo`, {
    _op: crypto.randomUUID(),
    _which: 'all',
  });
  const id = Number(/\d+$/.exec(String(headers.location))?.[0]);
  await workOff(app, id);
  return id;
}

/** Each line of the page as text. */
function linesOf(html: string): string[] {
  const body = /<tbody[\s\S]*?<\/tbody>/.exec(html)?.[0] ?? '';
  return [...body.matchAll(/<tr[\s\S]*?<\/tr>/g)].map(([row]) =>
    row
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
}

test('each record that a task changed is shown with what it was and is, in the words of its fields', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  const body = {
    field: ['status', 'featured', 'tags'],
    'value.status': 'published',
    'value.featured': 'true',
    'change.tags': 'add',
    'value.tags': '1',
  };
  const task = await done(app, visitor, body);
  const page = await visitor.get(`/tasks/${task.id}/changes`);
  assert.equal(page.statusCode, 200);
  assert.match(
    page.body,
    /What was changed: Status → published, Featured → Yes and 1 more · 3 cities/,
  );
  assert.deepEqual(linesOf(page.body).slice(0, 2), [
    'Place 1 draft → published No → Yes empty → port',
    'Place 2 draft → published No → Yes empty → port',
  ]);
  assert.match(page.body, /<a class="link" href="\/cities\/1">Place 1<\/a>/);
  const taskPage = (await visitor.get(`/tasks/${task.id}`)).body;
  assert.match(taskPage, new RegExp(`href="/tasks/${task.id}/changes"[^>]*>.*Show the 3 records`));
  const ended = await visitor.get(`/tasks/${task.id}/progress`, { 'hx-request': 'true' });
  assert.match(ended.body, new RegExp(`href="/tasks/${task.id}/changes">Show the 3 records`));
  const toast = JSON.parse(String(ended.headers['hx-trigger']))['bulkhead:toast'];
  assert.deepEqual(toast.more, { href: `/tasks/${task.id}/changes`, label: 'Show the 3 records' });

  const undo = await undone(app, visitor, task.id);
  assert.equal(
    linesOf((await visitor.get(`/tasks/${undo}/changes`)).body)[0],
    'Place 1 published → draft Yes → No port → empty',
  );
});

test('of deleted records the last image is shown, and of restored ones what came back', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  const task = await done(app, visitor, { acknowledge: 'yes' });
  const { body } = await visitor.get(`/tasks/${task.id}/changes`);
  assert.equal(linesOf(body).length, 3);
  assert.match(
    linesOf(body)[0] ?? '',
    /^Place 1 no longer there .*Name Place 1 .*Country Spain .*Population 1 /,
  );
  assert.match(body, /href="\/cities\/1\/history"/);
  assert.doesNotMatch(body, /in the list/, 'there is nothing to select');
  const undo = await undone(app, visitor, task.id);
  const back = (await visitor.get(`/tasks/${undo}/changes`)).body;
  assert.match(linesOf(back)[0] ?? '', /^Place 1 Brought back .*Population 1/);
  assert.match(back, /Select these in the list/);
});

test('pages go on from a key, with as many statements at any size', async (t) => {
  const app = await setUp(t, {}, 6_100);
  const visitor = await app.signIn('admin');
  const few = await done(
    app,
    visitor,
    { field: 'status', 'value.status': 'published' },
    { count: 120 },
  );
  const many = await done(
    app,
    visitor,
    { field: 'status', 'value.status': 'archived' },
    { filter: '' },
  );
  const counts: number[] = [];
  for (const { id, changed } of [few, many]) {
    const seen: string[] = [];
    for (let next: string | undefined = `/tasks/${id}/changes`; next; ) {
      const path: string = next;
      const { result, statements } = await countStatements(app.db, () => visitor.get(path));
      counts.push(statements.length);
      seen.push(
        ...linesOf(result.body).map((line) => line.split(/ (?:draft|published) /)[0] ?? ''),
      );
      next = /rel="next" href="([^"]+)"/.exec(result.body)?.[1];
    }
    assert.equal(seen.length, changed);
    assert.deepEqual(
      seen,
      Array.from({ length: changed }, (_, index) => `Place ${index + 1}`),
    );
  }
  assert.equal(new Set(counts).size, 1, JSON.stringify(counts));
  assert.ok((counts[0] as number) <= 5, String(counts[0]));
});

test('records changed one by one, several rows to a chunk, are paged alike', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  await app.db.pages.query(
    `alter table gazetteer.city add constraint odd check (id % 7 <> 0 or status <> 'archived') not valid`,
  );
  const task = await done(
    app,
    visitor,
    { field: 'status', 'value.status': 'archived' },
    { count: 130 },
  );
  const seen: string[] = [];
  for (let next: string | undefined = `/tasks/${task.id}/changes`; next; ) {
    const { body } = await visitor.get(next);
    seen.push(...linesOf(body).map((line) => /^Place (\d+)/.exec(line)?.[1] ?? ''));
    next = /rel="next" href="([^"]+)"/.exec(body)?.[1];
  }
  assert.deepEqual(
    seen.map(Number),
    Array.from({ length: 130 }, (_, index) => index + 1).filter((id) => id % 7 !== 0),
  );
});

test('they are selected in their list by the task alone, whatever their number, and changed in another way', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  const task = await done(
    app,
    visitor,
    { field: 'status', 'value.status': 'published' },
    { count: 60 },
  );
  await app.db.pages.query('delete from gazetteer.city where id = 60');
  const { body } = await visitor.get(`/tasks/${task.id}/changes`);
  assert.match(
    body,
    /action="\/cities\/selection"[\s\S]*name="_list" value="_task=\d+"[\s\S]*name="_do" value="matching"/,
  );
  const sent = await visitor.post('/cities/selection', {
    _do: 'matching',
    _list: `_task=${task.id}`,
  });
  assert.equal(sent.statusCode, 303);
  const location = String(sent.headers.location);
  assert.match(location, new RegExp(`^/cities\\?_task=${task.id}&_s=`));
  const list = (await visitor.get(location)).body;
  assert.match(list, /All 59 matching cities selected/);
  assert.match(list, new RegExp(`Changed by task ${task.id}`));
  const { rows } = await app.db.pages.query(
    `select keys, filter from ${app.db.t.selection} order by created_at desc limit 1`,
  );
  assert.deepEqual(rows, [{ keys: [], filter: `_task=${task.id}` }]);
  const again = await done(
    app,
    visitor,
    { field: 'notes', 'value.notes': 'again' },
    { filter: `_task=${task.id}` },
  );
  assert.deepEqual([again.state, again.changed], ['succeeded', 59]);
  const viewer = await app.signIn('viewer');
  assert.equal((await viewer.get(`/tasks/${task.id}/changes`)).statusCode, 404);
});

test('who may not see a field, or a record, sees neither there', async (t) => {
  const isAdmin = ({ roles }: Principal) => roles.includes('admin');
  const permissions = () => actions;
  const admin = {
    ...sample,
    schedules: [],
    resources: [
      defineResource(metadata, 'City', {
        permissions,
        tasks: () => true,
        scope: (principal: Principal) => (isAdmin(principal) ? {} : { id: { lte: 2 } }),
        fields: { notes: { see: isAdmin } },
      }),
      defineResource(metadata, 'Country', { permissions }),
    ],
  };
  const app = await setUp(t, { admin });
  const visitor = await app.signIn('admin');
  const viewer = await app.signIn('viewer');
  const task = await done(app, visitor, {
    field: ['status', 'notes'],
    'value.status': 'published',
    'value.notes': 'h1dden',
  });
  const seen = await viewer.get(`/tasks/${task.id}/changes`);
  assert.equal(seen.statusCode, 200);
  assert.deepEqual(linesOf(seen.body), [
    'Place 1 A field that you may not see draft → published',
    'Place 2 A field that you may not see draft → published',
  ]);
  assert.doesNotMatch(seen.body, /h1dden|Place 3|Notes/);
  assert.match(seen.body, /1 record on this page is not yours to see/);
  assert.match((await viewer.get(`/cities?_task=${task.id}`)).body, /of 2/);
  const removed = await done(app, visitor, { acknowledge: 'yes' });
  const gone = (await viewer.get(`/tasks/${removed.id}/changes`)).body;
  assert.doesNotMatch(gone, /Place \d|h1dden/);
});
