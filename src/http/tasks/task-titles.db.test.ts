import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { defineResource } from '../../index.ts';
import { parseKey } from '../../metadata/keys.ts';
import { actions } from '../../resources/actions.ts';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

const inBackground = { inBackground: true };

async function setUp(
  t: Parameters<typeof testApp>[0],
  options: Parameters<typeof testApp>[1] = {},
) {
  const app = await testApp(t, options);
  await insertPlaces(app.db, 60);
  await app.db.pages.query(`insert into gazetteer.tag (name) values ('hill')`);
  return app;
}

/** Of the first `count` cities, or all that a filter finds. */
async function launched(
  { context }: TestApp,
  { principal }: Visitor,
  body: object,
  { count = 25, filter = null as string | null } = {},
) {
  const cities = context.registry.get('cities');
  const keys = Array.from({ length: count }, (_, index) =>
    parseKey(cities.model, String(index + 1)),
  );
  const selected = filter === null ? { keys } : { kind: 'matching' as const, filter, keys: [] };
  const operation = 'acknowledge' in body ? 'delete' : 'update';
  return (
    await launchOn(context, cities, selected, operation, { ...body }, principal, inBackground)
  ).task.id;
}

const titleOn = async (visitor: Visitor, id: number) =>
  (await visitor.get(`/tasks/${id}`, { accept: 'application/json' })).json().title as string;

test('a task is called by what it does to how many records, in the words of its fields', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  const long =
    'a very long remark about each of these places, which nobody wants to read in a list';
  const kinds: [object, { count?: number; filter?: string }, string | RegExp][] = [
    [{ field: 'status', 'value.status': 'archived' }, {}, 'Status → archived · 25 cities'],
    [{ field: 'status', 'value.status': 'archived' }, { count: 1 }, 'Status → archived · 1 city'],
    [{ field: 'featured', 'value.featured': 'true' }, {}, 'Featured → Yes · 25 cities'],
    [
      { field: 'reviewedAt', 'value.reviewedAt': '2026-11-28T07:56' },
      {},
      /^Reviewed → 28 Nov 2026,? .*07:56.* · 25 cities$/,
    ],
    [{ field: 'country', 'value.country': 'ESP' }, {}, 'Country → Spain · 25 cities'],
    [
      { field: 'tags', 'change.tags': 'add', 'value.tags': ['1', '2'] },
      {},
      'Tags: add port, island · 25 cities',
    ],
    [
      { field: 'tags', 'change.tags': 'add', 'value.tags': ['1', '2', '3', '4'] },
      {},
      'Tags: add port, island, capital, 1 more · 25 cities',
    ],
    [
      { field: 'rating', 'change.rating': 'percent', 'value.rating': '10' },
      {},
      'Rating: changed by +10 % · 25 cities',
    ],
    [{ field: 'notes', 'change.notes': 'clear' }, {}, 'Notes: cleared · 25 cities'],
    [{ field: 'notes', 'value.notes': long }, {}, `Notes → ${long.slice(0, 40)}… · 25 cities`],
    [{ field: 'notes', 'value.notes': 'two\nlines' }, {}, 'Notes → two lines · 25 cities'],
    [
      {
        field: ['status', 'featured', 'notes'],
        'value.status': 'draft',
        'value.featured': 'false',
        'value.notes': 'x',
      },
      {},
      'Status → draft, Featured → No and 1 more · 25 cities',
    ],
    [{ acknowledge: 'yes' }, { count: 3 }, 'Delete 3 cities'],
    [
      { field: 'status', 'value.status': 'draft' },
      { filter: 'country=ESP' },
      'Status → draft · 60 cities · Country is Spain',
    ],
    [{ acknowledge: 'yes' }, { filter: '_q=place' }, 'Delete 60 cities · Search: place'],
    [{ field: 'notes', 'value.notes': 'all' }, { filter: '' }, 'Notes → all · 60 cities'],
    [
      { field: 'notes', 'value.notes': 'y' },
      { filter: 'country=ESP&status=draft&population-max=100000&population-min=0' },
      'Notes → y · 60 cities',
    ],
  ];
  for (const [body, selected, title] of kinds) {
    const id = await launched(app, visitor, body, selected);
    const found = await titleOn(visitor, id);
    if (title instanceof RegExp) assert.match(found, title);
    else assert.equal(found, title);
    assert.ok(found.length <= 140, found);
    await app.db.pages.query(
      `update ${app.db.t.task} set state = 'cancelled', finished_at = now() where id = $1`,
      [id],
    );
  }
});

test('every page that names a task calls it so', async (t) => {
  const app = await setUp(t);
  const { db } = app;
  const visitor = await app.signIn('admin');
  const id = await launched(app, visitor, { field: 'status', 'value.status': 'archived' });
  const title = 'Status → archived · 25 cities';
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $4)`,
    [id, ['7', '8'].map((n) => n.padStart(20, '0')), '7'.padStart(20, '0'), '8'.padStart(20, '0')],
  );
  const says = async (path: string, headers = {}) => {
    const { body } = await visitor.get(path, headers);
    assert.ok(body.includes(title), `${path}: ${/<h1[\s\S]{0,200}/.exec(body)?.[0]}`);
    assert.doesNotMatch(body.replaceAll(/href="[^"]*"/g, ''), /Edit cities/, path);
    return body;
  };
  await says('/');
  await says('/tasks');
  await says('/tasks/live?list=', htmx);
  await says('/tasks/running?resource=cities', htmx);
  await says(`/tasks/${id}/progress`, htmx);
  assert.match(await says(`/tasks/${id}`), new RegExp(`<title>${title} · `));
  assert.match(await says('/cities'), new RegExp(`title="Place 7 is locked: Admin, ${title}"`));
  await says('/cities/7');
  await says('/cities/7/edit');
  await says('/cities/7/lock', htmx);
  await db.pages.query(`delete from ${db.t.chunk} where task_id = $1`, [id]);

  const waiting = await launched(app, visitor, { field: 'notes', 'value.notes': 'later' });
  await db.pages.query(
    `update ${db.t.task} set blocked_by = $2, backend = 'inline' where id = $1`,
    [waiting, id],
  );
  const { body: waits } = await visitor.get(`/tasks/${waiting}`);
  const link = `Waits until <a class="link" href="/tasks/${id}" title="${title}">task ${id}</a> is finished, and holds`;
  assert.ok(waits.includes(link), /Waits[^\n]*/.exec(waits)?.[0]);
  await db.pages.query(
    `update ${db.t.task} set state = 'cancelled', finished_at = now(), blocked_by = null where id = $1`,
    [waiting],
  );

  await workOff(app, id);
  const toast = JSON.parse(
    String((await visitor.get(`/tasks/${id}/progress`, htmx)).headers['hx-trigger']),
  )['bulkhead:toast'];
  assert.equal(toast.message, JSON.parse(JSON.stringify(`${title}: done. 25 changed.`)));
  await says('/cities/7/history');
  await says(`/tasks/${id}/undo`);
  await says(`/tasks/${id}/failures`);
  await says(`/tasks/${id}/changes`);
  const undo = async (of: number) => {
    const { headers } = await visitor.post(`/tasks/${of}/undo`, {
      _op: crypto.randomUUID(),
      _which: 'all',
    });
    const undoId = Number(/\d+$/.exec(String(headers.location))?.[0]);
    await workOff(app, undoId);
    return undoId;
  };
  const undone = await undo(id);
  assert.equal(await titleOn(visitor, undone), `Undo: ${title}`);
  assert.match(
    (await visitor.get('/tasks')).body,
    new RegExp(`id="task-${id}"[\\s\\S]*?Undone[\\s\\S]*?</tr>`),
  );
  assert.match((await visitor.get('/')).body, /Undone/);
  assert.match((await visitor.get(`/tasks/${id}`)).body, /Undone<\/span>/);
  const redone = await undo(undone);
  assert.equal(await titleOn(visitor, redone), `Redo: ${title}`);
  assert.doesNotMatch((await visitor.get(`/tasks/${id}`)).body, /Undone<\/span>/);
  assert.equal(await titleOn(visitor, await undo(redone)), `Undo: ${title}`);
});

test('a retry is called by what is tried again', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  await app.db.pages.query(
    `alter table gazetteer.city add constraint odd check (id <> 5 or status <> 'published') not valid`,
  );
  const id = await launched(app, visitor, { field: 'status', 'value.status': 'published' });
  await workOff(app, id);
  const again = await visitor.post(`/tasks/${id}/retry`, { _op: crypto.randomUUID(), code: '' });
  const retryId = Number(/\d+$/.exec(String(again.headers.location))?.[0]);
  assert.equal(await titleOn(visitor, retryId), 'Retry: Status → published · 1 city');
});

test('no title names a field, or a record, that its reader may not see', async (t) => {
  const isAdmin = ({ roles }: Principal) => roles.includes('admin');
  const permissions = () => actions;
  const admin = {
    ...sample,
    schedules: [],
    resources: [
      defineResource(metadata, 'City', {
        permissions,
        tasks: () => true,
        fields: { notes: { see: isAdmin }, population: { see: isAdmin } },
      }),
      defineResource(metadata, 'Country', { permissions }),
      defineResource(metadata, 'Tag', {
        permissions,
        scope: (principal: Principal) => (isAdmin(principal) ? {} : { id: 1 }),
      }),
      defineResource(metadata, 'Language', { permissions }),
    ],
  };
  const app = await setUp(t, { admin });
  const visitor = await app.signIn('admin');
  const viewer = await app.signIn('viewer');
  const hiddenIn = async (
    body: object,
    selected: { filter?: string },
    seen: string,
    unseen: string,
  ) => {
    const id = await launched(app, visitor, body, selected);
    assert.equal(await titleOn(visitor, id), seen);
    assert.equal(await titleOn(viewer, id), unseen);
    for (const path of ['/', '/tasks', `/tasks/${id}`])
      assert.doesNotMatch((await viewer.get(path)).body, /h1dden|island/, path);
    await app.db.pages.query(
      `update ${app.db.t.task} set state = 'cancelled', finished_at = now() where id = $1`,
      [id],
    );
  };
  await hiddenIn(
    { field: 'notes', 'value.notes': 'h1dden' },
    {},
    'Notes → h1dden · 25 cities',
    'Edit 25 cities',
  );
  await hiddenIn(
    { field: ['status', 'notes'], 'value.status': 'draft', 'value.notes': 'h1dden' },
    {},
    'Status → draft, Notes → h1dden · 25 cities',
    'Status → draft and 1 more · 25 cities',
  );
  await hiddenIn(
    { field: 'tags', 'change.tags': 'add', 'value.tags': ['1', '2'] },
    {},
    'Tags: add port, island · 25 cities',
    'Tags: add port, 2 · 25 cities',
  );
  await hiddenIn(
    { field: 'status', 'value.status': 'draft' },
    { filter: 'population-min=0' },
    'Status → draft · 60 cities · Population at least 0',
    'Status → draft · 60 cities',
  );
});

test('titles cost the same for one task as for twenty-five, and nothing where no related record is named', async (t) => {
  const app = await setUp(t);
  const visitor = await app.signIn('admin');
  const count = async () =>
    (await countStatements(app.db, () => visitor.get('/tasks'))).statements.length;
  const none = await count();
  await launched(app, visitor, { field: 'notes', 'value.notes': 'x' });
  assert.equal(await count(), none);
  const costs: number[] = [];
  for (const tasks of [1, 25]) {
    for (let made = 0; made < tasks; made++) {
      const id = await launched(
        app,
        visitor,
        { field: 'tags', 'change.tags': 'add', 'value.tags': String((made % 4) + 1) },
        { filter: 'country=ESP' },
      );
      await app.db.pages.query(
        `update ${app.db.t.task} set state = 'cancelled', finished_at = now() where id = $1`,
        [id],
      );
    }
    costs.push(await count());
  }
  assert.equal(costs[0], costs[1]);
  assert.ok((costs[0] as number) <= 12, String(costs[0]));
});
