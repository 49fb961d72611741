import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';

async function setUp(t: Parameters<typeof testApp>[0]) {
  const testing = await testApp(t);
  const { db } = testing;
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{"EUR": {"name": "Euro"}}'), ('FRA', 'FR', 'France', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(`insert into gazetteer.tag (name) values ('port'), ('island')`);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude, reviewed_at, featured)
     select 'Place ' || n, 'ESP', 'PPL', n, 40.12345, -3, '2026-01-31T14:30:12.345Z', true from generate_series(1, 5) n`,
  );
  const changes = async () => (await db.pages.query(`select kind, fields, principal_name from ${db.t.change} order by id`)).rows;
  const city = async (id: number) => (await db.pages.query(`select * from gazetteer.city where id = $1`, [id])).rows[0];
  return { ...testing, changes, city };
}

/** What a browser would send: every control of the form as it stands. */
function controlsOf(html: string): Record<string, string | string[]> {
  const form = /<form id="record-form"[\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
  const controls: Record<string, string[]> = {};
  const add = (name: string, value: string) => {
    controls[name] = [...(controls[name] ?? []), textOf(value)];
  };
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(tag)?.[1];
    const isOff = / disabled/.test(tag) || (/type="checkbox"/.test(tag) && !/ checked/.test(tag));
    if (name && !isOff) add(name, /value="([^"]*)"/.exec(tag)?.[1] ?? '');
  }
  for (const [, name = '', options = ''] of form.matchAll(/<select[^>]*name="([^"]*)"[^>]*>([\s\S]*?)<\/select>/g)) {
    add(name, /value="([^"]*)" selected/.exec(options)?.[1] ?? '');
  }
  for (const [, name = '', text = ''] of form.matchAll(/<textarea[^>]*name="([^"]*)"[^>]*>\n?([\s\S]*?)<\/textarea>/g)) {
    add(name, text.replaceAll('\n', '\r\n'));
  }
  return controls;
}

function textOf(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

test('a record has a page with its values, its relations linked, and what leads to it', async (t) => {
  const { db, signIn } = await setUp(t);
  await db.pages.query(`update gazetteer.country set capital_city_id = 2 where code = 'ESP'`);
  await db.pages.query(`insert into gazetteer."_CityToTag" values (2, 1)`);
  await db.pages.query(`update gazetteer.country set currencies = '{"big": 12345678901234567890.10}' where code = 'ESP'`);
  const viewer = await signIn('viewer');
  const city = (await viewer.get('/cities/2')).body;
  assert.match(city, /<h1[^>]*>Place 2</);
  assert.match(city, /data-field="country"[\s\S]*?href="\/countries\/ESP">Spain</);
  assert.match(city, /data-field="tags"[\s\S]*?href="\/tags\/1">port</);
  assert.match(city, /<h2[^>]*>Capital of<[\s\S]*?href="\/countries\/ESP">Spain</);
  assert.doesNotMatch(city, /\/edit|\/delete/);
  const country = (await (await signIn('admin')).get('/countries/ESP?_back=_page%3D2')).body;
  assert.match(country, /<h2[^>]*>Cities<[\s\S]*?5<[\s\S]*?href="\/cities\/1">Place 1</);
  assert.match(country, /12345678901234567890\.10?/);
  assert.match(country, /href="\/countries\/ESP\/edit\?_back=_page%3D2"/);
  assert.equal((await viewer.get('/cities/999')).statusCode, 404);
  await db.pages.query(`insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
    select 'More ' || n, 'ESP', 'PPL', n, 0, 0 from generate_series(1, 1200) n`);
  const many = (await viewer.get('/countries/ESP')).body;
  assert.match(many, /1,000\+<[\s\S]*href="\/cities\?country=ESP"/);
});

test('a form that is sent as it was opened writes nothing', async (t) => {
  const { signIn, changes } = await setUp(t);
  const visitor = await signIn('editor');
  for (const path of ['/cities/1/edit', '/countries/ESP/edit', '/tags/1/edit']) {
    const { body } = await visitor.get(path);
    const answer = await visitor.post(path, controlsOf(body));
    assert.equal(answer.statusCode, 303, answer.body);
  }
  assert.deepEqual(await changes(), []);
});

test('only what was changed in the form is written, so that somebody else’s change survives', async (t) => {
  const { db, signIn, changes, city } = await setUp(t);
  const visitor = await signIn('editor');
  const { body } = await visitor.get('/cities/1/edit');
  await db.pages.query(`update gazetteer.city set status = 'archived', notes = 'theirs' where id = 1`);
  const answer = await visitor.post('/cities/1/edit?_back=country%3DESP%26_page%3D2', {
    ...controlsOf(body),
    name: 'New name',
    tags: ['2'],
    featured: 'false',
  });
  assert.equal(answer.headers.location, '/cities?country=ESP&_page=2');
  const { name, status, notes, featured, reviewed_at: reviewedAt } = await city(1);
  assert.deepEqual({ name, status, notes, featured }, { name: 'New name', status: 'archived', notes: 'theirs', featured: false });
  assert.equal(reviewedAt.toISOString(), '2026-01-31T14:30:12.345Z');
  const [change] = await changes();
  assert.deepEqual([...change.fields].sort(), ['featured', 'name', 'tags', 'updatedAt']);
  assert.deepEqual([change.kind, change.principal_name], ['update', 'Editor']);
});

test('errors stand at their fields with what was typed, and nothing is written', async (t) => {
  const { signIn, changes, city } = await setUp(t);
  const visitor = await signIn('editor');
  const { body } = await visitor.get('/cities/1/edit');
  const answer = await visitor.post('/cities/1/edit', {
    ...controlsOf(body),
    population: 'ab"c',
    latitude: '1000',
    name: '',
    adminCode: 'kept',
  });
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /id="error-summary"[^>]*tabindex="-1"/);
  assert.match(
    answer.body,
    /<input[^>]*id="field-population"[^>]*value="ab&quot;c"[^>]*aria-describedby="field-population-error"[^>]*aria-invalid="true"/,
  );
  for (const name of ['population', 'latitude', 'name']) assert.match(answer.body, new RegExp(`id="field-${name}-error"`));
  assert.match(answer.body, /value="kept"/);
  assert.equal((await city(1)).admin_code, null);
  const again = await visitor.post('/cities/1/edit', {
    ...controlsOf(answer.body),
    population: '77',
    latitude: '40.12345',
    name: 'Place 1',
  });
  assert.equal(again.statusCode, 303);
  assert.deepEqual([...(await changes())[0].fields].sort(), ['adminCode', 'population', 'updatedAt']);
});

test('a record is created with its defaults and relations', async (t) => {
  const { db, signIn, changes } = await setUp(t);
  const visitor = await signIn('editor');
  const { body } = await visitor.get('/cities/new');
  assert.match(body, /<option value="draft" selected>/);
  const typed = {
    name: 'Nueva',
    country: 'ESP',
    featureCode: 'PPL',
    population: '1',
    latitude: '1.5',
    longitude: '-2.25',
    tags: ['1', '2'],
    notes: 'a\r\nb',
  };
  const answer = await visitor.post('/cities/new', { ...controlsOf(body), ...typed });
  assert.equal(answer.statusCode, 303, answer.body);
  const { rows } = await db.pages.query(
    `select c.status, c.notes, c.latitude::text, (select count(*)::int from gazetteer."_CityToTag" j where j."A" = c.id) as tags from gazetteer.city c where name = 'Nueva'`,
  );
  assert.deepEqual(rows, [{ status: 'draft', notes: 'a\nb', latitude: '1.50000', tags: 2 }]);
  assert.deepEqual(
    (await changes()).map(({ kind }) => kind),
    ['create'],
  );
});

test('a value that is taken and one that is required are errors at their fields', async (t) => {
  const { signIn } = await setUp(t);
  const visitor = await signIn('editor');
  const taken = await visitor.post('/tags/new', { name: 'port' });
  assert.equal(taken.statusCode, 422);
  assert.match(taken.body, /id="field-name-error"[^>]*>[^<]*taken/);
  const missing = await visitor.post('/tags/new', { name: '  ' });
  assert.match(missing.body, /id="field-name-error"[^>]*>[^<]*required/);
});

test('deleting asks first and names the record, and what others point at stays', async (t) => {
  const { db, signIn } = await setUp(t);
  const visitor = await signIn('admin');
  await db.pages.query(
    `update gazetteer.country set capital_city_id = 2 where code = 'FRA'; insert into gazetteer."_CityToTag" values (2, 1)`,
  );
  const { body: question } = await visitor.get('/cities/2/delete');
  assert.match(question, /<h1[^>]*>Delete Place 2\?/);
  assert.match(question, /consequence-deleted[\s\S]*1 link to tags/);
  assert.match(question, /consequence-cleared[\s\S]*1 country[\s\S]*by Capital city[\s\S]*href="\/countries\/FRA">France/);
  assert.equal((await visitor.post('/cities/2/delete')).statusCode, 303);
  assert.equal((await visitor.get('/cities/2/edit')).statusCode, 404);
  const forbidden = await visitor.get('/countries/ESP/delete');
  assert.match(forbidden.body, /consequence-forbidding[\s\S]*4 cities[\s\S]*by Country[\s\S]*Place 1/);
  assert.doesNotMatch(forbidden.body, /<button class="btn btn-error"/);
  const refused = await visitor.post('/countries/ESP/delete');
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /point at this country/);
  assert.equal((await db.pages.query(`select 1 from gazetteer.country where code = 'ESP'`)).rowCount, 1);
});

test('who may not is refused', async (t) => {
  const { signIn, city } = await setUp(t);
  const viewer = await signIn('viewer');
  const editor = await signIn('editor');
  for (const path of ['/cities/new', '/cities/1/edit', '/cities/1/delete']) {
    assert.equal((await viewer.get(path)).statusCode, 403, path);
    assert.equal((await viewer.post(path, { name: 'x' })).statusCode, 403, path);
  }
  assert.equal((await editor.post('/cities/1/delete')).statusCode, 403);
  assert.equal((await city(1)).name, 'Place 1');
});

test('what is not there, and what cannot be an id, are 404', async (t) => {
  const { signIn } = await setUp(t);
  const visitor = await signIn('admin');
  for (const path of [
    '/cities/999/edit',
    '/cities/abc/edit',
    '/cities/99999999999999999999/delete',
    '/countries/XXX/edit',
    '/nothing/1/edit',
  ]) {
    assert.equal((await visitor.get(path)).statusCode, 404, path);
  }
});
