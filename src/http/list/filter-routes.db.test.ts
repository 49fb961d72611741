import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmx, testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';

async function setUp(t: Parameters<typeof testApp>[0]) {
  const testing = await testApp(t);
  await insertPlaces(testing.db, 3);
  return { ...testing, visitor: await testing.signIn('viewer') };
}

const form = (fields: Record<string, string>) =>
  `/cities/filter?${new URLSearchParams({ _form: '1', ...fields })}`;
const paths = (html: string) =>
  [...html.matchAll(/name="w\.([\d-]+)" value="([^"]*)"/g)].map(
    ([, place, path]) => `${place} ${path}`,
  );

test('the page begins with the list’s filter and order, and leads back to them unchanged', async (t) => {
  const { visitor } = await setUp(t);
  const query =
    '_1._1.featured=true&_1._1.population-min=5&_1.name-contains=York&country=ESP&notes-empty=yes&population-between=1..9&_sort=country,-population';
  const page = await visitor.get(`/cities/filter?${query}`);
  assert.equal(page.statusCode, 200);
  assert.deepEqual(paths(page.body), [
    '1-1-1 featured',
    '1-1-2 population',
    '1-2 name',
    '2 country',
    '3 notes',
    '4 population',
  ]);
  const fields = [
    ...page.body.matchAll(
      /<(?:input|select)[^>]* name="([^"]+)"[^>]*?(?: value="([^"]*)")?[^>]*>/g,
    ),
  ];
  assert.ok(fields.length > 20);
  assert.match(
    page.body,
    new RegExp(`href="/cities\\?${query.replaceAll('&', '&amp;').replace(/[.?+]/g, '\\$&')}"`),
  );
});

test('the form leads to the address of its filter and order', async (t) => {
  const { visitor } = await setUp(t);
  const answer = await visitor.get(
    form({
      'p.1': 'population',
      'w.1': 'population',
      'o.1': 'between',
      'v.1': '1',
      'g.2': '1',
      'p.2-1': 'notes',
      'w.2-1': 'notes',
      'o.2-1': 'empty=no',
      'p.2-2': 'createdAt',
      'w.2-2': 'createdAt',
      'o.2-2': 'last',
      'v.2-2': '7',
      'u.2-2': 'w',
      's.0': 'country',
      's.1': 'population',
      'd.1': 'desc',
      _q: 'place',
      _size: '50',
      _do: 'apply',
    }).replace('v.1=1', 'v.1=1&v.1=9'),
  );
  assert.equal(answer.statusCode, 303, answer.body);
  assert.equal(
    answer.headers.location,
    '/cities?_1.createdAt-last=7w&_1.notes-empty=no&_q=place&population-between=1..9&_sort=country,-population&_size=50',
  );
  assert.equal((await visitor.get(String(answer.headers.location))).statusCode, 200);
});

test('conditions and groups are added and taken away, and another field begins anew', async (t) => {
  const { visitor } = await setUp(t);
  const given = {
    'p.1': 'name',
    'w.1': 'name',
    'o.1': 'starts',
    'v.1': 'A',
    'g.2': '1',
    'p.2-1': 'status',
    'w.2-1': 'status',
  };
  const after = async (command: string, changes: Record<string, string> = {}) =>
    (await visitor.get(form({ ...given, ...changes, _do: command }), htmx)).body;
  assert.match((await after('update')).trimStart(), /^<form id="filter-builder"/);
  assert.deepEqual(paths(await after('add:')), ['1 name', '2-1 status', '3 ']);
  assert.deepEqual(paths(await after('add:2')), ['1 name', '2-1 status', '2-2 ']);
  assert.deepEqual(paths(await after('group:2')), ['1 name', '2-1 status', '2-2-1 ']);
  assert.deepEqual(paths(await after('remove:1')), ['1-1 status']);
  assert.deepEqual(paths(await after('remove:2')), ['1 name']);
  assert.deepEqual(paths(await after('remove:7-3')), ['1 name', '2-1 status']);
  assert.match(await after('update'), /value="starts" selected/);
  const changed = await after('update', { 'p.1': 'population' });
  assert.deepEqual(paths(changed), ['1 population', '2-1 status']);
  assert.doesNotMatch(changed, /value="A"/);
});

test('what is wrong is said at its condition with what was typed, and leads nowhere', async (t) => {
  const { visitor } = await setUp(t);
  for (const [fields, words] of [
    [
      { 'p.1': 'population', 'w.1': 'population', 'o.1': 'min', 'v.1': 'many' },
      /must be a whole number/,
    ],
    [{ 'p.1': 'name', 'w.1': 'name', 'o.1': 'contains' }, /The filter on Name needs a value/],
    [
      { 'p.1': 'createdAt', 'w.1': 'createdAt', 'o.1': 'last', 'v.1': '0', 'u.1': 'd' },
      /span such as 7d/,
    ],
  ] as const) {
    const answer = await visitor.get(form({ ...fields, _do: 'apply' }));
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, words);
    assert.match(answer.body, /id="error-1"/);
  }
});

test('a day is said without a time of it, a time beside its day, and neither is lost', async (t) => {
  const { visitor } = await setUp(t);
  const asked = (fields: Record<string, string>) =>
    visitor.get(
      form({ 'p.1': 'reviewedAt', 'w.1': 'reviewedAt', 'o.1': 'after', _do: 'apply', ...fields }),
    );
  const led = async (fields: Record<string, string>) => (await asked(fields)).headers.location;
  assert.equal(
    await led({ 'v.1': '2026-01-01', 't.1': '' }),
    '/cities?reviewedAt-after=2026-01-01',
  );
  assert.equal(await led({ 'v.1': '2026-01-01' }), '/cities?reviewedAt-after=2026-01-01');
  assert.equal(
    await led({ 'v.1': '2026-01-01', 't.1': '10:30' }),
    '/cities?reviewedAt-after=2026-01-01T10:30',
  );
  assert.equal(
    await led({ 'v.1': '2026-01-01 10:30Z', 't.1': '' }),
    '/cities?reviewedAt-after=2026-01-01+10:30Z',
  );
  const onlyTime = await asked({ 'v.1': '', 't.1': '10:30' });
  assert.equal(onlyTime.statusCode, 422);
  assert.match(onlyTime.body, /Reviewed must be a date and time/);
  assert.match(onlyTime.body, /name="t\.1"[^>]*value="10:30"/, 'what was typed is there');
  const { body } = await visitor.get(
    '/cities/filter?reviewedAt-between=2026-01-01..2026-02-01T10:30',
  );
  const controls = [
    ...body.matchAll(/<input[^>]* name="([vt])\.1" type="(\w+)"[^>]* value="([^"]*)"/g),
  ].map(([, ...found]) => found.join(' '));
  assert.deepEqual(controls, ['v date 2026-01-01', 't time ', 'v date 2026-02-01', 't time 10:30']);
  const offset = (await visitor.get('/cities/filter?reviewedAt-after=2026-01-01T10:30%2B02:00'))
    .body;
  assert.match(offset, /name="v\.1" type="text"[^>]*value="2026-01-01T10:30\+02:00"/);
  assert.match(
    offset,
    /name="t\.1" type="hidden"/,
    'so that times of several values stay beside their days',
  );
});

test('the quick filters keep what they have no room for', async (t) => {
  const { visitor } = await setUp(t);
  const kept = async (query: string) =>
    [
      ...(await visitor.get(`/cities?${query}`)).body.matchAll(
        /form="list-filter" name="([^"]*)" value="([^"]*)"/g,
      ),
    ].map(([, name, value]) => `${name}=${value}`);
  assert.deepEqual(await kept('population=5'), ['population=5']);
  assert.deepEqual(await kept('population-min=1&population-min=2'), ['population-min=2']);
  assert.deepEqual(await kept('_q=a&_q=b'), ['_q=b']);
  assert.deepEqual(await kept('featured=true&featured=false'), ['featured=true']);
  assert.match(
    (await visitor.get('/cities?featured=yes')).body,
    /name="featured" value="yes" checked/,
  );
});
