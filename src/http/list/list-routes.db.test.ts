import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../metadata/keys.ts';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];

async function setUp(t: Context, rows = 130) {
  const testing = await testApp(t);
  const { db } = testing;
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}'), ('FRA', 'FR', 'France', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude, status, featured)
     select case when n = 7 then '100% <b>Place</b>' else 'Place ' || n end, case when n % 2 = 0 then 'ESP' else 'FRA' end, 'PPL', n, 0, 0,
       case when n % 10 = 0 then 'published' else 'draft' end::gazetteer.city_status, n % 3 = 0
     from generate_series(1, $1::int) n`,
    [rows],
  );
  const key = (id: number) => keyOf(testing.context.registry.get('cities').model, { id });
  return { ...testing, key };
}

const rowsOf = (html: string) =>
  [...html.matchAll(/class="list-row[^"]*"[^>]*data-key="([^"]+)"/g)].map(
    ([, key]) => key as string,
  );
const tickedOf = (html: string) =>
  [...html.matchAll(/<input[^>]*class="row-tick[^>]*value="([^"]+)"[^>]*\schecked/g)].map(
    ([, key]) => key as string,
  );
const countOf = (html: string) => /class="selection-count[^"]*">([^<]*)</.exec(html)?.[1];
const rangeOf = (html: string) => /class="pager-range[^"]*">([^<]*)</.exec(html)?.[1];
const selectionIn = (address: unknown) =>
  new URL(String(address), 'http://x').searchParams.get('_s') ?? '';

test('a list shows a page of records with related titles, and texts are escaped', async (t) => {
  const { signIn } = await setUp(t);
  const { statusCode, body } = await (await signIn('viewer')).get('/cities');
  assert.equal(statusCode, 200);
  assert.equal(rowsOf(body).length, 25);
  assert.equal(rangeOf(body), '1–25 of 130');
  assert.match(body, /Spain/);
  assert.match(body, /100% &lt;b&gt;Place/);
  assert.doesNotMatch(body, /cities\/new|\/edit"|row-tick/);
});

test('each kind of filter leaves the records it says', async (t) => {
  const { signIn } = await setUp(t);
  const visitor = await signIn('viewer');
  const expected: Record<string, number> = {
    'country=ESP': 65,
    'country=ESP&country=FRA': 130,
    'status=published': 13,
    'status=draft&status=published': 130,
    'featured=true': 43,
    'population-min=10&population-max=19': 10,
    '_q=%25': 1,
    '_q=place+12': 12,
    'country=ESP&status=published&population-min=100': 4,
    '_q=&status=&population-min=': 130,
  };
  const found: Record<string, number> = {};
  for (const query of Object.keys(expected))
    found[query] = Number(rangeOf((await visitor.get(`/cities?${query}`)).body)?.split(' of ')[1]);
  assert.deepEqual(found, expected);
});

test('a wrong filter, sort, size or page is an error that names it, and shows no records', async (t) => {
  const { signIn } = await setUp(t);
  const visitor = await signIn('viewer');
  for (const [query, words] of [
    ['population-min=abc', /Population must be a whole number/],
    ['status=gone', /is not a value of Status/],
    ['featured=perhaps', /Featured must be/],
    ['nonsense=1', /cannot be filtered by/],
    ['_size=7', /25, 50, 100/],
    ['_page=0', /Pages are numbered from 1/],
    ['_sort=tags', /cannot be sorted by/],
  ] as const) {
    const { statusCode, body } = await visitor.get(`/cities?${query}`);
    assert.equal(statusCode, 422, query);
    assert.match(body, words);
    assert.deepEqual(rowsOf(body), []);
    assert.equal(
      (await visitor.get(`/cities?${query}`, { ...htmx, 'hx-target': 'records' })).statusCode,
      422,
      query,
    );
  }
});

test('sorting, paging and the size are in the address, and pages share no records', async (t) => {
  const { signIn, key } = await setUp(t);
  const visitor = await signIn('viewer');
  const first = await visitor.get('/cities?_sort=-population&_size=50');
  assert.deepEqual(rowsOf(first.body).slice(0, 2), [key(130), key(129)]);
  assert.match(first.body, /aria-sort="descending"/);
  const last = await visitor.get('/cities?_sort=-population&_size=50&_page=3');
  assert.deepEqual(rowsOf(last.body).at(-1), key(1));
  assert.equal(rangeOf(last.body), '101–130 of 130');
  const pages = await Promise.all(
    [1, 2, 3].map((page) => visitor.get(`/cities?_sort=status&_size=50&_page=${page}`)),
  );
  assert.equal(new Set(pages.flatMap(({ body }) => rowsOf(body))).size, 130);
  assert.match((await visitor.get('/cities?_page=99')).body, /There is no page 99/);
  const beyond = await visitor.get('/cities?status=draft&_page=9999999');
  assert.equal(beyond.statusCode, 422);
  assert.match(beyond.body, /There is no such place in this list/);
  assert.match(
    beyond.body,
    /<a class="btn btn-sm" href="\/cities\?status=draft&amp;_before=!end">Go to the last page/,
  );
});

test('htmx gets the piece that it swaps, and the address without empty fields', async (t) => {
  const { signIn } = await setUp(t);
  const visitor = await signIn('viewer');
  const records = await visitor.get('/cities?_q=&status=draft&population-min=', {
    ...htmx,
    'hx-target': 'records',
    'hx-trigger': 'list-filter',
  });
  assert.match(records.body.trimStart(), /^<section id="records"/);
  assert.equal(records.headers['hx-push-url'], '/cities?status=draft');
  const typing = async (before: string, now: string) => {
    const headers = {
      ...htmx,
      'hx-trigger': 'list-filter',
      'hx-target': 'records',
      'hx-current-url': `http://localhost/cities${before}`,
    };
    const answer = await visitor.get(`/cities${now}`, headers);
    return [answer.headers['hx-push-url'], answer.headers['hx-replace-url']];
  };
  assert.deepEqual(await typing('', '?_q=p'), ['/cities?_q=p', undefined]);
  assert.deepEqual(await typing('?_q=p', '?_q=pl'), [undefined, '/cities?_q=pl']);
  assert.deepEqual(await typing('?_q=pl', '?_q=pl&status=draft'), [
    '/cities?_q=pl&status=draft',
    undefined,
  ]);
  const list = await visitor.get('/cities', { ...htmx, 'hx-target': 'list' });
  assert.match(list.body.trimStart(), /^<div id="list"/);
});

test('a list is 404 for what is no resource and 303 for who is not signed in', async (t) => {
  const { app, signIn } = await setUp(t, 1);
  assert.equal((await (await signIn('admin')).get('/nothing')).statusCode, 404);
  assert.equal((await app.inject('/cities')).statusCode, 303);
});

test('a record that a task holds says who and which, and cannot be edited', async (t) => {
  const { context, db, signIn, key } = await setUp(t);
  const cities = context.registry.get('cities');
  const keys = Array.from({ length: 25 }, (_, index) => key(index + 1));
  const visitor = await signIn('admin');
  const { task } = await launchOn(
    context,
    cities,
    { keys },
    'update',
    { field: 'status', 'value.status': 'archived' },
    visitor.principal,
  );
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $4)`,
    [task.id, keys, keys[0], keys.at(-1)],
  );
  const { body } = await visitor.get('/cities?_size=50');
  assert.equal(body.match(/data-locked="true"/g)?.length, 25);
  assert.match(
    body,
    new RegExp(`href="/tasks/${task.id}"[^>]*>.*Status → archived · 25 cities`, 's'),
  );
  assert.doesNotMatch(body, /\/cities\/7\/edit/);
  assert.match(body, /\/cities\/26\/edit/);
  const locked = await visitor.get('/cities/7/edit');
  assert.equal(locked.statusCode, 423);
  assert.match(locked.body, /hx-get="\/cities\/7\/lock"/);
  const saved = await visitor.post('/cities/7/edit', { name: 'Elsewhere' });
  assert.equal(saved.statusCode, 423);
  assert.equal((await visitor.post('/cities/7/delete')).statusCode, 423);
});

test('a list needs as many statements for 100 records as for 25: at most 6, and 2 more for a selection', async (t) => {
  const { db, signIn, key } = await setUp(t, 300);
  const visitor = await signIn('admin');
  const id = selectionIn(
    (await visitor.post('/cities/selection', { _do: 'add', key: [key(1), key(2)], _list: '' }))
      .headers.location,
  );
  const count = async (path: string) =>
    (await countStatements(db, () => visitor.get(path))).statements;
  for (const [query, max] of [
    ['', 6],
    ['_sort=country.name,-rating&_after=Spain~5~1', 6],
    ['_q=place', 6],
    [`_s=${id}`, 8],
    [`_s=${id}&country=ESP&_q=place`, 8],
  ] as const) {
    const few = await count(`/cities?_size=25&${query}`);
    const many = await count(`/cities?_size=100&${query}`);
    assert.ok(many.length <= few.length, many.join('\n'));
    assert.ok(few.length <= max, few.join('\n'));
  }
  const edit = await count('/cities/1/edit');
  assert.ok(edit.length <= 12, edit.join('\n'));
});

const shownOn = async (visitor: Visitor, path: string) => (await visitor.get(path)).body;

test('a selection survives paging, sorting and filtering, and another one is not disturbed', async (t) => {
  const { signIn, key } = await setUp(t);
  const visitor = await signIn('editor');
  const post = async (body: Record<string, string | string[]>) =>
    (await visitor.post('/cities/selection', body)).headers.location;
  const one = selectionIn(await post({ _do: 'add', key: key(1), _list: '' }));
  await post({ _do: 'add', key: [key(2), key(30)], _s: one, _list: '_page=2' });
  await post({ _do: 'add', key: key(2), _s: one, _list: '' });
  const other = selectionIn(await post({ _do: 'add', key: key(9), _list: '' }));
  assert.notEqual(one, other);
  assert.deepEqual(tickedOf(await shownOn(visitor, `/cities?_s=${one}`)), [key(1), key(2)]);
  assert.deepEqual(tickedOf(await shownOn(visitor, `/cities?_s=${one}&_page=2`)), [key(30)]);
  assert.deepEqual(
    tickedOf(await shownOn(visitor, `/cities?_s=${one}&_sort=-population&_size=100&country=FRA`)),
    [key(1)],
  );
  assert.equal(countOf(await shownOn(visitor, `/cities?_s=${one}&country=FRA`)), '3 selected');
  await post({ _do: 'remove', key: key(2), _s: one, _list: '' });
  assert.equal(countOf(await shownOn(visitor, `/cities?_s=${one}`)), '2 selected');
  assert.deepEqual(tickedOf(await shownOn(visitor, `/cities?_s=${other}`)), [key(9)]);
});

test('without JavaScript the ticks of a page become exactly the ticked ones', async (t) => {
  const { signIn, key } = await setUp(t);
  const visitor = await signIn('editor');
  const shown = Array.from({ length: 25 }, (_, index) => key(index + 26));
  const first = await visitor.post('/cities/selection', {
    _do: 'page',
    key: [key(26), key(27)],
    shown,
    _s: '',
    _list: '_page=2&country=ESP',
  });
  assert.equal(first.statusCode, 303);
  const id = selectionIn(first.headers.location);
  assert.equal(first.headers.location, `/cities?country=ESP&_page=2&_s=${id}`);
  await visitor.post('/cities/selection', {
    _do: 'page',
    key: [key(27), key(28)],
    shown,
    _s: id,
    _list: '_page=2',
  });
  assert.deepEqual(tickedOf(await shownOn(visitor, `/cities?_page=2&_s=${id}`)), [
    key(27),
    key(28),
  ]);
});

test('everything matching is selected less exclusions, and ends visibly with the filter', async (t) => {
  const { signIn, key } = await setUp(t);
  const visitor = await signIn('editor');
  const answer = await visitor.post(
    '/cities/selection',
    { _do: 'matching', _list: 'country=ESP' },
    htmx,
  );
  assert.equal(countOf(answer.body), 'All 65 matching cities selected');
  const id = selectionIn(answer.headers['hx-replace-url']);
  await visitor.post(
    '/cities/selection',
    { _do: 'remove', key: key(2), _s: id, _list: 'country=ESP' },
    htmx,
  );
  const page = await shownOn(visitor, `/cities?country=ESP&_s=${id}`);
  assert.equal(countOf(page), '64 selected');
  assert.equal(tickedOf(page).length, 24);
  assert.match(page, new RegExp(`/cities/bulk-edit\\?_s=${id}`));
  assert.doesNotMatch(page, /bulk-delete/);
  const changed = await shownOn(visitor, `/cities?country=FRA&_s=${id}`);
  assert.equal(countOf(changed), 'Nothing selected');
  assert.match(changed, /class="selection-notice[^>]*>The filter changed/);
  assert.deepEqual(tickedOf(changed), []);
  assert.doesNotMatch(changed, /bulk-edit/);
  const cleared = await visitor.post('/cities/selection', {
    _do: 'clear',
    _s: id,
    _list: 'country=ESP',
  });
  assert.equal(cleared.headers.location, '/cities?country=ESP');
});

test('what cannot be selected is refused', async (t) => {
  const { signIn, key } = await setUp(t, 3);
  const editor = await signIn('editor');
  assert.equal(
    (await editor.post('/cities/selection', { _do: 'add', key: 'abc', _list: '' }, htmx))
      .statusCode,
    422,
  );
  assert.equal(
    (await editor.post('/cities/selection', { _do: 'toggle', key: key(1), _list: '' }, htmx))
      .statusCode,
    422,
  );
  assert.equal(
    (await editor.post('/cities/selection', { _do: 'matching', _list: 'nonsense=1' }, htmx))
      .statusCode,
    422,
  );
  assert.equal(
    (
      await (
        await signIn('viewer')
      ).post('/cities/selection', { _do: 'add', key: key(1), _list: '' }, htmx)
    ).statusCode,
    403,
  );
});

test("somebody else's selection is not shown", async (t: Context) => {
  const { signIn, key }: TestApp & { key(id: number): string } = await setUp(t, 3);
  const answer = await (await signIn('editor')).post('/cities/selection', {
    _do: 'add',
    key: key(1),
    _list: '',
  });
  const page = await shownOn(
    await signIn('admin'),
    `/cities?_s=${selectionIn(answer.headers.location)}`,
  );
  assert.deepEqual(tickedOf(page), []);
});

test('records linked through a join table are named in the list', async (t) => {
  const { db, signIn } = await testApp(t);
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(
    `insert into gazetteer.language values ('spa', 'Spanish'), ('eus', 'Basque')`,
  );
  await db.pages.query(
    `insert into gazetteer."_CountryToLanguage" values ('ESP', 'spa'), ('ESP', 'eus')`,
  );
  const visitor = await signIn('viewer');
  assert.match((await visitor.get('/countries')).body, /Basque, Spanish/);
});

test('a column of many related records names them', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  await db.pages.query(
    `insert into gazetteer.language values ('spa', 'Spanish'), ('cat', 'Catalan')`,
  );
  await db.pages.query(
    `insert into gazetteer."_CountryToLanguage" ("A", "B") values ('ESP', 'spa'), ('ESP', 'cat')`,
  );
  const answer = await (await signIn('viewer')).get('/countries');
  assert.equal(answer.statusCode, 200);
  assert.match(answer.body, /Catalan, Spanish/);
});
