import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import pg from 'pg';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { turnsOf } from '../db/turns.ts';
import { type AdminDefinition, defineResource } from '../index.ts';
import { limits, limitTexts } from '../limits.ts';
import { lockModel } from '../tasks/running/activate.ts';
import { htmx, type TestApp, testApp, type Visitor } from '../testing/app.ts';
import { launchAs, openAs, selectAs } from '../testing/launch-as.ts';
import { insertPlaces, placeForm } from '../testing/places.ts';

type Lock = string | ((client: pg.Client) => Promise<unknown>);

/**
 * Somebody who holds what `lock` takes until let go: a worker that is frozen, an editor with an
 * open transaction.
 */
async function hold(
  t: TestContext,
  { connectionString }: Pick<TestApp, 'connectionString'>,
  lock: Lock,
): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  let isHeld = true;
  const letGo = async () => {
    if (isHeld) await client.end();
    isHeld = false;
  };
  t.after(letGo);
  await client.query('begin');
  await (typeof lock === 'string' ? client.query(lock) : lock(client));
  return letGo;
}

/** While these wait for what is held, pages answer; and before it is let go, so do they. */
async function answersMeanwhile(
  { db }: TestApp,
  visitor: Visitor,
  waiting: readonly Promise<LightMyRequestResponse>[],
): Promise<LightMyRequestResponse[]> {
  await untilAllTurnsAreTaken(db);
  for (const path of ['/', '/countries', '/tasks', '/cities/59']) {
    const page = await visitor.get(path);
    assert.equal(page.statusCode, 200, `${path}: ${page.body.slice(0, 300)}`);
  }
  return Promise.all(waiting);
}

async function untilAllTurnsAreTaken({ background, pages }: TestApp['db']): Promise<void> {
  for (;;) {
    const { rows } = await background.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((rows[0]?.count ?? 0) >= turnsOf(pages.options.max)) return;
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Twelve changes within requests at a time: more than there are connections for what waits. */
const env = { BULKHEAD_INLINE_MAX_CONCURRENT: '12' };

const dozen = Array.from({ length: 12 }, (_, index) => index + 1);

/** Rules of the project's own: written through its client, in a transaction of Prisma's. */
const ruled: AdminDefinition = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', { hooks: { beforeSave: () => undefined } }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
};

test('twelve clicks on Cancel while a worker stands still in the middle of a step: pages answer, and so do they', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  const taskId = await launchAs(visitor, 40);
  const letGo = await hold(
    t,
    app,
    `select 1 from ${app.db.t.task} where id = ${taskId} for update`,
  );
  for (const path of ['cancellation', 'pause', 'resumption']) {
    const post = `/tasks/${taskId}/${path}`;
    const clicks = dozen.map((click) =>
      visitor.post(post, {}, click % 2 ? { referer: `http://localhost:80/tasks/${taskId}` } : htmx),
    );
    for (const answer of await answersMeanwhile(app, visitor, clicks)) {
      assert.equal(answer.statusCode, 503);
      assert.match(answer.body, /Try again in a moment/);
    }
  }
  await letGo();
  assert.equal((await visitor.post(`/tasks/${taskId}/cancellation`)).statusCode, 303);
});

for (const [way, admin] of Object.entries({
  'plain records': sample,
  'records with rules': ruled,
})) {
  test(`twelve saves, twelve deletes and twelve bulk edits of what somebody else holds: pages answer, what was typed is there again (${way})`, async (t) => {
    const app = await testApp(t, { admin, env });
    await insertPlaces(app.db, 60);
    const visitor = await app.signIn('admin');
    const letGo = await hold(t, app, 'select 1 from gazetteer.city where id <= 12 for update');
    const saves = dozen.map((id) =>
      visitor.post(`/cities/${id}/edit`, { ...placeForm, name: `Typed ${id}` }),
    );
    for (const [index, answer] of (await answersMeanwhile(app, visitor, saves)).entries()) {
      assert.equal(answer.statusCode, 503);
      assert.match(answer.body, new RegExp(`value="Typed ${index + 1}"`));
      assert.match(answer.body, /Try again in a moment/);
    }
    const deletes = dozen.map((id) => visitor.post(`/cities/${id}/delete`));
    for (const answer of await answersMeanwhile(app, visitor, deletes)) {
      assert.equal(answer.statusCode, 503);
      assert.match(answer.body, /Try again in a moment/);
    }
    const answers = await answersMeanwhile(
      app,
      visitor,
      (await bulkEdits(visitor)).map((edit) => edit()),
    );
    for (const answer of answers) assertKept(answer);
    await letGo();
    const { rows } = await app.db.pages.query(
      `select count(*)::int as count from gazetteer.city where name like 'Typed%' or notes = 'typed'`,
    );
    assert.deepEqual(rows, [{ count: 0 }]);
    const again = await visitor.post('/cities/1/edit', { ...placeForm, name: 'Typed 1' });
    assert.equal(again.statusCode, 303);
  });
}

/** What else waits, and for what: twelve at once. */
interface Waiting {
  lock: Lock;
  clicks: (click: number) => Promise<LightMyRequestResponse>;
  status: number;
  /** What stands in each answer. */
  says: RegExp;
}

const rows = 'select 1 from gazetteer.city where id <= 12 for update';
const change = { field: 'notes', 'change.notes': 'set', 'value.notes': 'changed' };
const again = /Try again in a moment/;

const kinds: Record<string, (app: TestApp, visitor: Visitor) => Promise<Waiting>> = {
  async 'a launch, while somebody stands still activating the same model'({ db }, visitor) {
    const edits = await bulkEdits(visitor);
    return {
      lock: (client) => lockModel(client, db.t, 'City'),
      clicks: (click) => edits[click - 1]?.() as never,
      status: 423,
      says: /typed \d+/,
    };
  },
  async 'a new record with a unique value that somebody is just saving'(_app, visitor) {
    const lock = `insert into gazetteer.tag (name) values ('held')`;
    return {
      lock,
      clicks: () => visitor.post('/tags/new', { name: 'held' }),
      status: 503,
      says: /value="held"/,
    };
  },
  async 'a text on a page of its own'(_app, visitor) {
    return {
      lock: rows,
      clicks: (click) => visitor.post(`/cities/${click}/edit/notes`, { notes: `Typed ${click}` }),
      status: 503,
      says: /Typed \d+/,
    };
  },
  async 'ticks in one selection'({ db }, visitor) {
    const id = await selectAs(visitor, 3);
    const lock = `select 1 from ${db.t.selection} where id = '${id}' for update`;
    const does = [
      { _do: 'add', key: '00000000000000000009' },
      { _do: 'matching' },
      { _do: 'clear' },
    ];
    const clicks = (click: number) =>
      visitor.post('/cities/selection', { _s: id, ...(does[click % 3] as object) });
    return { lock, clicks, status: 503, says: again };
  },
  async 'a delete of several'(_app, visitor) {
    const path = `/cities/bulk-delete?_s=${await selectAs(visitor, 12)}`;
    const opened: string[] = [];
    for (const _ of dozen) opened.push(await openAs(visitor, path));
    const clicks = (click: number) =>
      visitor.post(path, { _op: opened[click - 1] as string, acknowledge: 'yes' }, htmx);
    return { lock: rows, clicks, status: 423, says: again };
  },
  async 'a preview that is confirmed'(_app, visitor) {
    const previews = await dozenPreviews(visitor);
    return {
      lock: rows,
      clicks: (click) => visitor.post(previews[click - 1] as string),
      status: 423,
      says: again,
    };
  },
  async 'a pause of a queue that somebody is just pausing'({ db }, visitor) {
    const lock = `insert into ${db.t.paused_queue} (name, by) values ('bulk', '{}')`;
    const clicks = () => visitor.post('/tasks/queues/bulk/pause');
    return { lock, clicks, status: 503, says: again };
  },
  async 'records that are left out of a preview'({ db }, visitor) {
    const [path = ''] = await dozenPreviews(visitor, 1);
    const lock = `select 1 from ${db.t.preview} where id = '${path.split('/').at(-1)}' for update`;
    const nouns = ['exclusions', 'form'];
    const clicks = (click: number) =>
      visitor.post(`${path}/${nouns[click % 2]}`, {
        kept: '00000000000000000001',
        reason: `typed ${click}`,
      });
    return { lock, clicks, status: 503, says: /typed \d+/ };
  },
};

for (const [what, prepare] of Object.entries(kinds)) {
  test(`${what}: pages answer meanwhile, and so does it`, async (t) => {
    const app = await testApp(t, { env });
    await insertPlaces(app.db, 60);
    const visitor = await app.signIn('admin');
    const { lock, clicks, status, says } = await prepare(app, visitor);
    const letGo = await hold(t, app, lock);
    for (const answer of await answersMeanwhile(app, visitor, dozen.map(clicks))) {
      assert.equal(answer.statusCode, status, answer.body);
      assert.match(answer.body, says);
      assert.match(answer.body, again);
    }
    await letGo();
  });
}

test('an undo and a retry wait for nobody: they are tasks that somebody else will run', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  await app.db.pages.query(
    `alter table gazetteer.city add constraint refused check (notes <> 'refused')`,
  );
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 12)}`;
  await visitor.post(path, {
    _op: await openAs(visitor, path),
    ...change,
    'value.notes': 'refused',
  });
  const failed = Number(
    (await visitor.get('/tasks', { accept: 'application/json' })).json().tasks[0].id,
  );
  const done = await launchAs(visitor, 12, { from: 20, body: change });
  const letGo = await hold(t, app, async (client) => {
    await client.query(
      `select 1 from ${app.db.t.task} where id in (${failed}, ${done}) for update`,
    );
    await client.query('select 1 from gazetteer.city for update');
    await lockModel(client, app.db.t, 'City');
  });
  for (const [index, post] of [`/tasks/${done}/undo`, `/tasks/${failed}/retry`].entries()) {
    const answer = await visitor.post(post, { _op: `00000000-0000-4000-8000-00000000000${index}` });
    assert.deepEqual([post, answer.statusCode], [post, 303]);
  }
  await letGo();
});

test('previews of what somebody holds are made all the same, and pages answer', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  const letGo = await hold(t, app, rows);
  const previews = dozenPreviews(visitor);
  for (const path of ['/', '/countries', '/tasks', '/cities/59'])
    assert.equal((await visitor.get(path)).statusCode, 200);
  assert.equal((await previews).length, 12);
  await letGo();
});

test('a session whose row somebody holds is good for pages', async (t) => {
  const app = await testApp(t);
  const visitor = await app.signIn('admin');
  await app.db.pages.query(`update ${app.db.t.session} set expire = expire - interval '1 hour'`);
  const letGo = await hold(t, app, `select 1 from ${app.db.t.session} for update`);
  assert.equal((await visitor.get('/')).statusCode, 200);
  await letGo();
});

test('when too many wait for a connection, the next is told so on a page, with its form', async (t) => {
  const app = await testApp(t, { pagesPoolSize: 2 });
  await insertPlaces(app.db, 2);
  const visitor = await app.signIn('admin');
  const { pages } = app.db;
  const taken = [await pages.connect(), await pages.connect()];
  const waiting = Array.from({ length: limits.waiting.forConnection }, () =>
    pages.connect().then((client) => client.release()),
  );
  const [page, edited, json] = await Promise.all([
    visitor.get('/cities'),
    visitor.post('/cities/1/edit', { ...placeForm, name: 'Typed' }),
    visitor.get('/tasks', { accept: 'application/json' }),
  ]);
  for (const answer of [page, edited]) {
    assert.equal(answer.statusCode, 503);
    assert.match(answer.body, /Too many others are waiting/);
    assert.match(answer.body, /<\/html>/);
  }
  assert.match(edited.body, /name="name" value="Typed"/);
  assert.deepEqual([json.statusCode, json.json().message], [503, limitTexts.waiting]);
  for (const client of taken) client.release();
  await Promise.all(waiting);
  assert.equal((await visitor.get('/cities')).statusCode, 200);
});

test('a table that somebody has locked: its pages say so, the others answer', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const visitor = await app.signIn('admin');
  const letGo = await hold(t, app, 'lock table gazetteer.city in access exclusive mode');
  const lists = dozen.slice(0, 3).map(() => visitor.get('/cities'));
  for (const answer of await Promise.all(lists)) assert.equal(answer.statusCode, 503);
  assert.equal((await visitor.get('/tags')).statusCode, 200);
  await letGo();
});

/** Leads to as many previews. */
async function dozenPreviews(visitor: Visitor, count = 12): Promise<string[]> {
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 12)}`;
  const made = dozen
    .slice(0, count)
    .map((click) =>
      visitor.post(path, { _do: 'preview', ...change, 'value.notes': `of ${click}` }),
    );
  return (await Promise.all(made)).map(({ headers }) => String(headers.location));
}

async function bulkEdits(visitor: Visitor): Promise<(() => Promise<LightMyRequestResponse>)[]> {
  const opened: (readonly [string, Record<string, string>])[] = [];
  for (const click of dozen) {
    const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 12)}`;
    opened.push([
      path,
      {
        _op: await openAs(visitor, path),
        field: 'notes',
        'change.notes': 'set',
        'value.notes': `typed ${click}`,
      },
    ]);
  }
  return opened.map(
    ([path, body]) =>
      () =>
        visitor.post(path, body, htmx),
  );
}

function assertKept(answer: LightMyRequestResponse): void {
  assert.equal(answer.statusCode, 423, answer.body);
  assert.match(answer.body, /typed \d+/);
  assert.match(answer.body, /Try again in a moment/);
}
