import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import sample from '../../admin.ts';
import { matchingActs } from '../../tasks/matching/matching-acts.ts';
import { type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { workOff } from '../../testing/work-off.ts';

const json = { accept: 'application/json' };
const admin = { ...sample, schedules: [], taskHooks: [], notify: 'none' as const, tasks: [] };

type Options = Parameters<typeof testApp>[1];

async function setUp(t: TestContext, options: Options = {}) {
  const app = await testApp(t, { admin, ...options });
  return { ...app, admin: await app.signIn('admin'), editor: await app.signIn('editor') };
}

/** Rows of tasks of somebody's, without anybody who runs them; gives the number of the last. */
async function insertTasks(
  { db }: Pick<TestApp, 'db'>,
  { principal }: Visitor,
  state: string,
  count: number,
): Promise<number> {
  const { rows } = await db.pages.query<{ id: number }>(
    `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state, due_at, started_at, finished_at)
     select 'own', 'gone', 'Inserted ' || n, 'queue', $1, $2, $3, '{}', $4, case when $4 = 'scheduled' then now() + interval '1 day' end,
       case when $4 = 'failed' then now() end, case when $4 = 'failed' then now() end
     from generate_series(1, $5::int) n returning id`,
    [principal.id, principal.name, JSON.stringify(principal), state, count],
  );
  return rows.at(-1)?.id ?? 0;
}

/** What is hidden in the form of a page, and the boxes that are ticked. */
function formOf(body: string): Record<string, string> {
  const form = /<form id="matching-form"[\s\S]*?<\/form>/.exec(body)?.[0] ?? '';
  const hidden = form.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g);
  return Object.fromEntries([...hidden].map(([, name = '', value = '']) => [name, value]));
}

const linksOn = (body: string) =>
  [
    ...body.matchAll(
      /<a class="btn btn-sm" href="(\/tasks\/matching[^"]*)">[\s\S]*?<\/svg>([^<]*)</g,
    ),
  ].map(([, href = '', label = '']) => [href.replaceAll('&amp;', '&'), label.trim()]);

async function statesOf({ db }: Pick<TestApp, 'db'>): Promise<Record<string, number>> {
  const { rows } = await db.pages.query<{ state: string; count: number }>(
    `select state, count(*)::int as count from ${db.t.task} where operation = 'gone' group by state`,
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

test('under the filter stands what can be done to all that match, of states that it is done to, with how many', async (t) => {
  const app = await setUp(t);
  await insertTasks(app, app.admin, 'scheduled', 3);
  const last = await insertTasks(app, app.admin, 'failed', 2);
  const links = async (query: string) => linksOn((await app.admin.get(`/tasks${query}`)).body);
  assert.deepEqual(await links(''), []);
  assert.deepEqual(await links('?person=Admin'), [
    ['/tasks/matching/cancellation?person=Admin', 'Cancel all 3 that match…'],
    ['/tasks/matching/retry?person=Admin', 'Try again all 2 that match…'],
    ['/tasks/matching/acknowledgement?person=Admin', 'Say of all 2 that I have seen to them…'],
  ]);
  assert.deepEqual(
    (await links('?state=scheduled')).map(([href]) => href),
    ['/tasks/matching/cancellation?state=scheduled'],
  );
  assert.deepEqual(await links('?state=succeeded'), []);
  await app.admin.post(`/tasks/${last}/acknowledgement`);
  assert.deepEqual(
    (await links('?state=failed')).map(([, label]) => label),
    ['Try again all 2 that match…', 'Say of all 1 that I have seen to them…'],
  );
  assert.deepEqual(
    (await links('?state=failed&acknowledged=yes')).map(([, label]) => label),
    ['Try again all 1 that match…'],
  );
});

test('a page shows what will be done to how many, and what it leads to does it to those alone, once', async (t) => {
  const app = await setUp(t);
  await insertTasks(app, app.editor, 'scheduled', 2);
  await insertTasks(app, app.admin, 'scheduled', 3);
  const path = '/tasks/matching/cancellation?person=Admin&_sort=oldest';
  const { body, statusCode } = await app.admin.get(path);
  assert.equal(statusCode, 200);
  assert.match(body, /<h1[^>]*>Cancel 3 tasks that match</);
  const states = '>State: Scheduled, Queued, Preparing, Running, Pausing, Paused<';
  for (const line of [states, 'Person: Admin', 'Would be cancelled'])
    assert.match(body, new RegExp(line));
  assert.match(body, /href="\/tasks\?person=Admin&amp;_sort=oldest"/);
  const form = formOf(body);
  await insertTasks(app, app.admin, 'scheduled', 1);
  const [one, two] = await Promise.all([app.admin.post(path, form), app.admin.post(path, form)]);
  assert.deepEqual([one.statusCode, two.statusCode], [303, 303]);
  assert.equal(one.headers.location, two.headers.location);
  const taskId = Number(/\d+$/.exec(String(one.headers.location))?.[0]);
  const { state } = await workOff(app, taskId);
  assert.equal(state, 'succeeded');
  assert.deepEqual(await statesOf(app), { cancelled: 3, scheduled: 3 });
  const page = (await app.admin.get(`/tasks/${taskId}`)).body;
  for (const line of [
    'Cancels every task that matches',
    states.slice(1, -1),
    'Person: Admin',
    'Up to task 5',
    '3 tasks cancelled, or asked to stop',
  ])
    assert.match(page, new RegExp(line));
  assert.equal((await app.admin.post(path, form)).headers.location, `/tasks/${taskId}`);
});

test('what became of each is listed by reason, and of tasks that the reader may not see no more than that', async (t) => {
  const app = await setUp(t);
  const mine = await insertTasks(app, app.editor, 'failed', 1);
  const last = await insertTasks(app, app.admin, 'failed', 2);
  const path = '/tasks/matching/acknowledgement?state=failed';
  const form = formOf((await app.admin.get(path)).body);
  await app.db.pages.query(`update ${app.db.t.task} set operation = 'other' where id = $1`, [last]);
  const { taskId } = (await app.admin.post(path, form, json)).json();
  await workOff(app, taskId);
  const list = `/tasks/${taskId}/matched`;
  await app.db.pages.query(
    `update ${app.db.t.matched_task} set code = 'forbidden', message = 'No.' where task_id = $1`,
    [last],
  );
  const { body } = await app.admin.get(list);
  for (const line of ['All \\(3\\)', 'Seen to \\(2\\)', 'Not yours to do \\(1\\)', 'Inserted 2'])
    assert.match(body, new RegExp(line));
  const only = (await app.admin.get(`${list}?code=forbidden`)).body;
  assert.equal([...only.matchAll(/data-label="Outcome"/g)].length, 1);
  assert.deepEqual((await app.admin.get(`${list}?code=done`, json)).json().tasks.length, 2);
  // Somebody else who sees the task, and not those of others.
  await app.db.pages.query(`update ${app.db.t.task} set principal_id = $2 where id = $1`, [
    taskId,
    app.editor.principal.id,
  ]);
  const theirs = (await app.editor.get(list)).body;
  assert.equal([...theirs.matchAll(/A task that you may not see/g)].length, 2);
  assert.match(theirs, new RegExp(`href="/tasks/${mine}"`));
  assert.doesNotMatch(theirs, new RegExp(`/tasks/${last}"`));
  assert.equal((await (await app.signIn('viewer')).get(list)).statusCode, 404);
  assert.equal((await app.admin.get(`/tasks/${mine}/matched`)).statusCode, 404);
});

test('of many it is asked that somebody ticks that all of them are meant', async (t) => {
  const app = await setUp(t);
  await insertTasks(app, app.admin, 'scheduled', 26);
  const path = '/tasks/matching/cancellation?state=scheduled';
  const form = formOf((await app.admin.get(path)).body);
  const refused = await app.admin.post(path, form);
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /Tick the box to confirm/);
  // It is below what is seen of the page.
  assert.match(refused.body, /<input [^>]*id="matching-acknowledge"[^>]* autofocus/);
  assert.equal(formOf(refused.body)._op, form._op);
  assert.equal((await app.admin.post(path, form, json)).json().error, 'invalid-operation');
  const { statusCode } = await app.admin.post(path, { ...form, acknowledge: 'yes' });
  assert.equal(statusCode, 303);
});

test('of more than are counted it says so, and goes to the end of them', async (t) => {
  const app = await setUp(t, { settings: { countLimit: 10 } });
  await insertTasks(app, app.admin, 'scheduled', 15);
  const path = '/tasks/matching/cancellation?state=scheduled';
  assert.deepEqual(
    linksOn((await app.admin.get('/tasks?state=scheduled')).body)[0]?.[1],
    'Cancel all 10+ that match…',
  );
  const { body } = await app.admin.get(path);
  assert.match(body, /Cancel 10\+ tasks that match/);
  const sent = await app.admin.post(path, { ...formOf(body), acknowledge: 'yes' }, json);
  const { taskId, title } = sent.json();
  assert.equal(title, 'Cancel 10+ tasks');
  await workOff(app, taskId);
  assert.deepEqual(await statesOf(app), { cancelled: 15 });
});

test('where more match than were shown, or none does any more, nothing is started, and it is shown as it is now', async (t) => {
  const app = await setUp(t);
  const last = await insertTasks(app, app.admin, 'scheduled', 3);
  const path = '/tasks/matching/cancellation?state=scheduled';
  const form = formOf((await app.admin.get(path)).body);
  const more = await app.admin.post(path, { ...form, count: '2' });
  assert.equal(more.statusCode, 409);
  assert.match(more.body, /2 tasks matched when this was shown, and now 3 do/);
  assert.equal(formOf(more.body).count, '3');
  await app.db.pages.query(`update ${app.db.t.task} set state = 'failed' where id <= $1`, [last]);
  const none = await app.admin.post(path, form);
  assert.equal(none.statusCode, 409);
  assert.match(none.body, /Nothing matches any more/);
  assert.equal((await app.admin.post(path, form, json)).json().error, 'preview-stale');
  const { rows } = await app.db.pages.query(
    `select count(*)::int as count from ${app.db.t.task} where operation like 'bulkhead:%'`,
  );
  assert.equal(rows[0].count, 0);
});

test('an address or a form that means nothing is refused', async (t) => {
  const app = await setUp(t);
  await insertTasks(app, app.admin, 'scheduled', 1);
  const path = '/tasks/matching/cancellation';
  const form = formOf((await app.admin.get(path)).body);
  for (const query of ['?state=nonsense', '?parent=many', '?_sort=size'])
    for (const { statusCode } of [
      await app.admin.get(`${path}${query}`),
      await app.admin.post(`${path}${query}`, form),
    ])
      assert.equal(statusCode, 422, query);
  assert.equal((await app.admin.get('/tasks/matching/deletion')).statusCode, 404);
  for (const wrong of [
    { _op: 'x' },
    { upTo: '' },
    { upTo: '-1' },
    { count: 'many' },
    { count: '' },
  ])
    assert.equal((await app.admin.post(path, { ...form, ...wrong })).statusCode, 409);
  assert.equal((await app.admin.post(path, { ...form, _csrf: 'x' })).statusCode, 403);
  const none = await app.admin.get(`${path}?state=succeeded`);
  assert.equal(none.statusCode, 200);
  assert.match(none.body, /No task matches that this can be done to/);
});

test('a number beyond those that there are is no later task’s', async (t) => {
  const app = await setUp(t);
  await insertTasks(app, app.admin, 'scheduled', 1);
  const path = '/tasks/matching/cancellation?state=scheduled';
  const form = formOf((await app.admin.get(path)).body);
  const { taskId } = (await app.admin.post(path, { ...form, upTo: '2000000000' }, json)).json();
  await insertTasks(app, app.admin, 'scheduled', 1);
  await workOff(app, taskId);
  assert.deepEqual(await statesOf(app), { cancelled: 1, scheduled: 1 });
});

test('where nothing runs in the background it is refused in a sentence, and offered nowhere', async (t) => {
  const app = await setUp(t, { env: { BULKHEAD_BACKGROUND: 'false' } });
  await insertTasks(app, app.admin, 'failed', 1);
  assert.deepEqual(linksOn((await app.admin.get('/tasks?state=failed')).body), []);
  const path = '/tasks/matching/retry?state=failed';
  const { statusCode, body } = await app.admin.get(path);
  assert.equal(statusCode, 422);
  assert.match(body, /Nothing runs in the background here/);
  const form = { _op: randomUUID(), upTo: '1', count: '1' };
  assert.equal((await app.admin.post(path, form, json)).json().error, 'not-later');
});

test('the tasks of Bulkhead’s own are on no form that launches', async (t) => {
  const app = await setUp(t);
  for (const { task } of Object.values(matchingActs)) {
    assert.ok(app.context.definitions.has(task));
    const answer = await app.admin.get(`/tasks/new/${encodeURIComponent(task)}`);
    assert.equal(answer.statusCode, 404);
  }
});
