import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type Principal } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { filterNames } from '../../tasks/looking/tasks-query.ts';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { livePath } from '../../testing/live-pieces.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];

async function setUp(
  t: Context,
  options: Parameters<typeof testApp>[1] = {},
): Promise<TestApp & { editor: Visitor; admin: Visitor }> {
  const app = await testApp(t, options);
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

/** Tasks that have ended, of the visitor's own. */
async function insertEnded({ db }: TestApp, { principal }: Visitor, states: readonly string[]) {
  await db.pages.query(
    `insert into ${db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, reason, started_at, finished_at)
     select 'cities', 'City', 'update', 'Edit ' || state, 'queue', $1, $2, '{}', '{"changes":[]}', '{"kind":"ticked","filter":""}', state, 'error', now(), now()
     from unnest($3::text[]) state`,
    [principal.id, principal.name, states],
  );
}

const idsOn = (body: string) =>
  [...body.matchAll(/<tr[^>]* id="task-(\d+)"/g)].map(([, id]) => Number(id));
const linksOn = (body: string, text: string) =>
  [...body.matchAll(new RegExp(`href="([^"]*)"[^>]*aria-label="${text}"`, 'g'))].map(
    ([, href = '']) => href.replaceAll('&amp;', '&'),
  );

test('what is filtered by stands in the address, in the form and in chips, each of which leads to the rest', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, ['failed', 'partial', 'succeeded']);
  const { body } = await app.admin.get(
    '/tasks?state=failed&state=partial&resource=cities&person=Admin&_q=edit&_sort=oldest',
  );
  assert.deepEqual(idsOn(body), [1, 2]);
  const form = /<form[^>]*method="get"[\s\S]*?<\/form>/.exec(body)?.[0] ?? '';
  assert.match(form, /name="state" value="failed" checked/);
  assert.match(form, /name="state" value="succeeded">/);
  assert.match(form, /<option value="cities" selected>Cities</);
  assert.match(form, /<option value="oldest" selected>/);
  assert.match(form, /name="person" value="Admin"/);
  assert.deepEqual(linksOn(body, 'Do not filter by [^"]*'), [
    '/tasks?state=partial&resource=cities&person=Admin&_q=edit&_sort=oldest',
    '/tasks?state=failed&resource=cities&person=Admin&_q=edit&_sort=oldest',
    '/tasks?state=failed&state=partial&person=Admin&_q=edit&_sort=oldest',
    '/tasks?state=failed&state=partial&resource=cities&_q=edit&_sort=oldest',
    '/tasks?state=failed&state=partial&resource=cities&person=Admin&_sort=oldest',
  ]);
  assert.doesNotMatch((await app.admin.get('/tasks')).body, /Do not filter by/);
});

test('a form that was sent with nothing filled in shows every task', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, ['failed', 'partial']);
  const names = ['kind', 'resource', 'person', 'parent', 'from', 'to', '_q'];
  const { body } = await app.admin.get(`/tasks?${names.map((name) => `${name}=`).join('&')}`);
  assert.deepEqual(idsOn(body), [2, 1]);
  assert.doesNotMatch(body, /Do not filter by/);
});

test('a filter that means nothing is refused, and never taken for none', async (t) => {
  const app = await setUp(t);
  for (const query of [
    'state=nonsense',
    'state=failed&state=nonsense',
    'kind=other',
    'queue=two%20words',
    'worker=7',
    'parent=many',
    'parent=99999999999',
    'record=cities',
    'record=cities/x',
    'record=nowhere/1',
    'from=yesterday',
    'to=2026-02-31',
    'person=a&person=b',
    '_q=%00',
    `_q=${'x'.repeat(101)}`,
    '_sort=size',
    '_page=0',
    '_page=402',
  ]) {
    assert.equal((await app.admin.get(`/tasks?${query}`)).statusCode, 422, query);
    const live = `/tasks/live?list=${encodeURIComponent(`?${query}`)}`;
    assert.doesNotMatch((await app.admin.get(live, htmx)).body, /id="task-list"/, query);
  }
});

test('a record that somebody may not see is asked for as one that there is not', async (t) => {
  const admin = {
    ...sample,
    schedules: [],
    tasks: [],
    resources: [
      defineResource(metadata, 'City', {
        permissions: () => actions,
        scope: ({ roles }: Principal) => (roles.includes('editor') ? { id: { not: 7 } } : {}),
      }),
    ],
  };
  const app = await setUp(t, { admin });
  const id = await launchAs(app.editor, 3);
  const ask = (visitor: Visitor, record: string) => visitor.get(`/tasks?record=cities/${record}`);
  assert.deepEqual(idsOn((await ask(app.editor, '2')).body), [id]);
  assert.deepEqual(idsOn((await ask(app.editor, '30')).body), []);
  const [hidden, none] = [await ask(app.editor, '7'), await ask(app.editor, '999')];
  assert.deepEqual([hidden.statusCode, none.statusCode], [422, 422]);
  assert.equal((await ask(app.admin, '7')).statusCode, 200);
});

test('days are those of the reader’s time zone', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, ['failed', 'partial']);
  await app.db.pages.query(
    `update ${app.db.t.task} set created_at = case id when 1 then timestamptz '2026-01-31 22:30Z' else '2026-01-31 23:30Z' end`,
  );
  const inBerlin = { cookie: `${app.admin.cookie}; bulkhead_time_zone=Europe%2FBerlin` };
  const found = async (query: string, headers = {}) =>
    idsOn((await app.admin.get(`/tasks?${query}`, headers)).body);
  assert.deepEqual(await found('to=2026-01-31'), [2, 1]);
  assert.deepEqual(await found('to=2026-01-31', inBerlin), [1]);
  assert.deepEqual(await found('from=2026-02-01', inBerlin), [2]);
  assert.deepEqual(await found('from=2026-02-01'), []);
});

test('each state says how many match, and the rest of the filter stays', async (t) => {
  const app = await setUp(t, { env: { BULKHEAD_COUNT_LIMIT: '30' } });
  await insertEnded(app, app.admin, [
    ...Array<string>(40).fill('succeeded'),
    ...Array<string>(3).fill('failed'),
  ]);
  await insertEnded(app, app.editor, ['failed']);
  const states = (body: string) =>
    [
      ...body.matchAll(
        /<a [^>]*href="([^"]*)"[^>]*>((?:(?!<\/a>)[\s\S])*task-state-count(?:(?!<\/a>)[\s\S])*)<\/a>/g,
      ),
    ].map(([, href = '', inner = '']) => [
      inner
        .replace(/<[^>]*>/g, ' ')
        .trim()
        .replace(/\s+/g, ' '),
      href.replaceAll('&amp;', '&'),
    ]);
  assert.deepEqual(states((await app.admin.get('/tasks?person=Admin')).body), [
    ['All 30+', '/tasks?person=Admin'],
    ['Succeeded 30+', '/tasks?state=succeeded&person=Admin'],
    ['Failed 3', '/tasks?state=failed&person=Admin'],
  ]);
  assert.deepEqual(states((await app.editor.get('/tasks')).body), [
    ['All 1', '/tasks'],
    ['Failed 1', '/tasks?state=failed'],
  ]);
  const json = async (query: string) => {
    const answer = await app.admin.get(`/tasks?${query}`, { accept: 'application/json' });
    const { total, isExact } = answer.json();
    return [total, isExact];
  };
  assert.deepEqual(await json('state=failed'), [4, true]);
  assert.deepEqual(await json(''), [30, false]);
});

test('pages go as far as is counted, and say so', async (t) => {
  const app = await setUp(t, { env: { BULKHEAD_COUNT_LIMIT: '30' } });
  await insertEnded(app, app.admin, Array<string>(60).fill('succeeded'));
  const first = (await app.admin.get('/tasks?kind=bulk')).body;
  assert.match(first, />1–25 of 30\+</);
  assert.match(first, /rel="next" href="\/tasks\?kind=bulk&amp;_page=2"/);
  const second = (await app.admin.get('/tasks?kind=bulk&_page=2')).body;
  assert.match(second, />26–50 of 30\+</);
  assert.doesNotMatch(second, /rel="next"/);
  assert.match(second, /rel="prev" href="\/tasks\?kind=bulk"/);
  assert.equal((await app.admin.get('/tasks?_page=3')).statusCode, 422);
});

test('the live list is that of the filter, in its order', async (t) => {
  const app = await setUp(t);
  const running = await launchAs(app.editor, 30);
  await insertEnded(app, app.editor, ['failed', 'succeeded']);
  const { body } = await app.editor.get('/tasks?state=failed&state=queued&_sort=oldest');
  const list = await app.editor.get(livePath(body, 'task-list'), htmx);
  assert.equal(list.statusCode, 200);
  assert.deepEqual(idsOn(list.body), [running, running + 1]);
});

test('the dashboard needs at most 12 statements however much it is filtered by', async (t) => {
  const app = await setUp(t);
  await launchAs(app.editor, 30);
  const query =
    'state=failed&state=queued&kind=bulk&resource=cities&person=Editor&reason=error&queue=bulk&schedule=x&parent=1&record=cities/3&from=2026-01-01&to=2026-12-31&_q=edit&_sort=ended';
  for (const visitor of [app.editor, app.admin]) {
    const { result, statements } = await countStatements(app.db, () =>
      visitor.get(`/tasks?${query}`),
    );
    assert.equal(result.statusCode, 200);
    assert.ok(statements.length <= 12, statements.join('\n\n'));
  }
});

test('a task leads back to the list as it was', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, ['failed', 'partial']);
  const search = '?state=failed&person=Admin&_q=edit+f&_sort=oldest';
  const { body } = await app.admin.get(`/tasks${search}`);
  const href = /<a [^>]*href="(\/tasks\/1[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const backOn = async (path: string) =>
    /href="(\/tasks[^"]*)">← [^<]*tasks</
      .exec((await app.admin.get(path)).body)?.[1]
      ?.replaceAll('&amp;', '&');
  assert.equal(await backOn(href), `/tasks${search}`);
  assert.equal(await backOn('/tasks/1'), '/tasks');
  for (const odd of ['state=nonsense', 'javascript:alert(1)', '%00', '_page=x'])
    assert.equal(await backOn(`/tasks/1?_list=${encodeURIComponent(odd)}`), '/tasks', odd);
});

test('whatever stands in the address is answered, and never by a bug', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, ['failed']);
  const odd = [
    '%F0%9F%98%80',
    '%ED%A0%80',
    "'",
    '%25_%5C',
    '0',
    '-1',
    '1e3',
    '0x10',
    '0000-01-01',
    '9999-12-31',
    '%EF%BF%BF',
    '[object]',
  ];
  const names = ['state', ...filterNames, '_sort', '_page', 'name[a]'];
  for (const name of names)
    for (const value of [...odd, `cities/${odd[0]}`, `cities/${'9'.repeat(90)}`]) {
      const { statusCode } = await app.admin.get(`/tasks?${name}=${value}`);
      assert.ok([200, 400, 422].includes(statusCode), `${name}=${value}: ${statusCode}`);
    }
});
