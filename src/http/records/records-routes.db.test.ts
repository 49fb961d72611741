import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countStatements, htmx, testApp } from '../../testing/app.ts';

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
  const changes = async () =>
    (await db.pages.query(`select kind, fields, principal_name from ${db.t.change} order by id`))
      .rows;
  const city = async (id: number) =>
    (await db.pages.query(`select * from gazetteer.city where id = $1`, [id])).rows[0];
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
    const isOff =
      / disabled/.test(tag) || (/type="(?:checkbox|radio)"/.test(tag) && !/ checked/.test(tag));
    if (name && !isOff) add(name, /value="([^"]*)"/.exec(tag)?.[1] ?? '');
  }
  for (const [, name = '', options = ''] of form.matchAll(
    /<select[^>]*name="([^"]*)"[^>]*>([\s\S]*?)<\/select>/g,
  )) {
    add(name, /value="([^"]*)" selected/.exec(options)?.[1] ?? '');
  }
  for (const [, name = '', text = ''] of form.matchAll(
    /<textarea[^>]*name="([^"]*)"[^>]*>\n?([\s\S]*?)<\/textarea>/g,
  )) {
    add(name, text.replaceAll('\n', '\r\n'));
  }
  return controls;
}

function textOf(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

test('a record has a page with its values, its relations linked, and what leads to it', async (t) => {
  const { db, signIn } = await setUp(t);
  await db.pages.query(`update gazetteer.country set capital_city_id = 2 where code = 'ESP'`);
  await db.pages.query(`insert into gazetteer."_CityToTag" values (2, 1)`);
  await db.pages.query(
    `update gazetteer.country set currencies = '{"big": 12345678901234567890.10}' where code = 'ESP'`,
  );
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
  await db.pages.query(
    `update gazetteer.city set status = 'archived', notes = 'theirs' where id = 1`,
  );
  const answer = await visitor.post('/cities/1/edit?_back=country%3DESP%26_page%3D2', {
    ...controlsOf(body),
    name: 'New name',
    tags: ['2'],
    featured: 'false',
  });
  assert.equal(answer.headers.location, '/cities?country=ESP&_page=2');
  const { name, status, notes, featured, reviewed_at: reviewedAt } = await city(1);
  assert.deepEqual(
    { name, status, notes, featured },
    { name: 'New name', status: 'archived', notes: 'theirs', featured: false },
  );
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
  for (const name of ['population', 'latitude', 'name'])
    assert.match(answer.body, new RegExp(`id="field-${name}-error"`));
  assert.match(answer.body, /value="kept"/);
  assert.equal((await city(1)).admin_code, null);
  const again = await visitor.post('/cities/1/edit', {
    ...controlsOf(answer.body),
    population: '77',
    latitude: '40.12345',
    name: 'Place 1',
  });
  assert.equal(again.statusCode, 303);
  assert.deepEqual([...(await changes())[0].fields].sort(), [
    'adminCode',
    'population',
    'updatedAt',
  ]);
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
  assert.match(
    taken.body,
    /id="field-name-error"[^>]*>[^<]*taken[^<]*<a class="link" href="\/tags\/1">Show port</,
  );
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
  assert.match(
    question,
    /consequence-cleared[\s\S]*1 country[\s\S]*by Capital city[\s\S]*href="\/countries\/FRA">France/,
  );
  assert.equal((await visitor.post('/cities/2/delete')).statusCode, 303);
  assert.equal((await visitor.get('/cities/2/edit')).statusCode, 404);
  const forbidden = await visitor.get('/countries/ESP/delete');
  assert.match(
    forbidden.body,
    /consequence-forbidding[\s\S]*4 cities[\s\S]*by Country[\s\S]*Place 1/,
  );
  assert.doesNotMatch(forbidden.body, /<button class="btn btn-error"/);
  const refused = await visitor.post('/countries/ESP/delete');
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /point at this country/);
  assert.equal(
    (await db.pages.query(`select 1 from gazetteer.country where code = 'ESP'`)).rowCount,
    1,
  );
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

test('a save over somebody else’s change is refused with both values, and goes on with the chosen ones', async (t) => {
  const { db, signIn, city, changes } = await setUp(t);
  const visitor = await signIn('editor');
  const { body } = await visitor.get('/cities/1/edit');
  await db.pages.query(
    `update gazetteer.city set name = 'Theirs', country_code = 'FRA', notes = 'theirs', population = 5 where id = 1`,
  );
  const typed = { ...controlsOf(body), name: 'Mine', country: 'FRA', notes: 'mine', rating: '4.5' };
  const refused = await visitor.post('/cities/1/edit', typed);
  assert.equal(refused.statusCode, 409);
  assert.match(refused.body, /href="#field-name-theirs">Name has two values/);
  assert.match(
    refused.body,
    /data-field="name"[\s\S]*?Theirs<[\s\S]*?Mine<[\s\S]*?Before: Place 1/,
  );
  // The same change by both is no conflict.
  assert.doesNotMatch(refused.body, /_keep\.country|_keep\.population|_keep\.rating/);
  assert.equal((await city(1)).name, 'Theirs');
  const again = controlsOf(refused.body);
  assert.deepEqual([again.rating, again.notes], [['4.5'], ['mine']]);

  await t.test('saving without a choice asks again', async () => {
    assert.equal((await visitor.post('/cities/1/edit', again)).statusCode, 409);
    assert.equal(
      (await visitor.post('/cities/1/edit', { ...again, '_keep.name': 'mine' })).statusCode,
      409,
    );
  });

  await t.test('a value that was changed once more is shown once more', async () => {
    await db.pages.query(`update gazetteer.city set name = 'Theirs again' where id = 1`);
    const third = await visitor.post('/cities/1/edit', {
      ...again,
      '_keep.name': 'mine',
      '_keep.notes': 'theirs',
    });
    assert.equal(third.statusCode, 409);
    assert.match(third.body, /data-field="name"[\s\S]*?Theirs again</);
    const last = await visitor.post('/cities/1/edit', {
      ...controlsOf(third.body),
      '_keep.name': 'mine',
    });
    assert.equal(last.statusCode, 303, last.body);
  });
  const { name, notes, population, country_code: country, rating } = await city(1);
  assert.deepEqual(
    { name, notes, population, country, rating },
    { name: 'Mine', notes: 'theirs', population: 5, country: 'FRA', rating: '4.5' },
  );
  assert.deepEqual([...(await changes()).at(-1).fields].sort(), ['name', 'rating', 'updatedAt']);
});

test('two people who save different fields of one record at once lose neither', async (t) => {
  const { signIn, city, changes } = await setUp(t);
  const [one, other] = [await signIn('editor'), await signIn('admin')];
  const [first, second] = [await one.get('/cities/3/edit'), await other.get('/cities/3/edit')];
  const answers = await Promise.all([
    one.post('/cities/3/edit', { ...controlsOf(first.body), name: 'Renamed', tags: ['1'] }),
    other.post('/cities/3/edit', {
      ...controlsOf(second.body),
      population: '77',
      featured: 'false',
    }),
  ]);
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [303, 303],
  );
  const { name, population, featured } = await city(3);
  assert.deepEqual(
    { name, population, featured },
    { name: 'Renamed', population: 77, featured: false },
  );
  assert.equal((await changes()).length, 2);
});

test('two who save the same field at once: one is refused', async (t) => {
  const { signIn } = await setUp(t);
  const [one, other] = [await signIn('editor'), await signIn('admin')];
  const { body } = await one.get('/cities/3/edit');
  const { body: second } = await other.get('/cities/3/edit');
  const answers = await Promise.all([
    one.post('/cities/3/edit', { ...controlsOf(body), name: 'One' }),
    other.post('/cities/3/edit', { ...controlsOf(second), name: 'Other' }),
  ]);
  assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [303, 409]);
});

test('what was typed for a record that is gone is shown', async (t) => {
  const { db, signIn } = await setUp(t);
  const visitor = await signIn('editor');
  const { body } = await visitor.get('/cities/4/edit');
  await db.pages.query(`delete from gazetteer.city where id = 4`);
  const answer = await visitor.post('/cities/4/edit', {
    ...controlsOf(body),
    notes: 'a long <text>',
  });
  assert.equal(answer.statusCode, 404);
  assert.match(answer.body, /Notes<[\s\S]*a long &lt;text&gt;/);
});

test('a related record is searched on the server, and chosen without JavaScript', async (t) => {
  const { db, signIn } = await setUp(t);
  await db.pages.query(`insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
    select name || case when n = 1 then '' else ' ' || n end, 'FRA', 'PPL', n, 0, 0 from unnest(array['York', 'New York', 'Yorketown', '100% Yo_rk']) name, generate_series(1, 30) n`);
  const visitor = await signIn('editor');
  const search = async (q: string) => {
    const { body } = await visitor.get(
      `/countries/options/capitalCity?q=${encodeURIComponent(q)}`,
      htmx,
    );
    return [...body.matchAll(/data-value="(\d+)" data-label="([^"]*)"/g)].map(([, , label]) =>
      textOf(label ?? ''),
    );
  };
  const found = await search('york');
  assert.deepEqual([found[0], found.length], ['York', 20]);
  assert.deepEqual(await search('new york 7'), ['New York 7', 'New York 17', 'New York 27']);
  assert.deepEqual(await search('7 york new'), ['New York 17', 'New York 27', 'New York 7']);
  assert.deepEqual((await search('0% yo_')).slice(0, 1), ['100% Yo_rk']);
  assert.deepEqual(await search('y\0'), []);
  assert.deepEqual(await search('3'), ['Place 3']);
  const { statements } = await countStatements(db, () => search('yo'));
  assert.equal(statements.filter((text) => text.includes('gazetteer')).length, 1);
  assert.equal((await visitor.get('/countries/options/name?q=x', htmx)).statusCode, 404);
  assert.match(
    (await visitor.get('/countries/options/capitalCity?q=york')).body,
    /<html[\s\S]*href="\/countries\?capitalCity=\d+"/,
  );

  const { body } = await visitor.get('/countries/ESP/edit');
  const typed = { ...controlsOf(body), region: 'typed', _choose: 'capitalCity', _find: 'york' };
  const step = await visitor.post('/countries/ESP/edit', typed);
  assert.equal(step.statusCode, 200);
  const [, id = ''] =
    /name="_chosen.capitalCity" value="(\d+)">York <span class="picker-detail">France, /.exec(
      step.body,
    ) ?? [];
  const { _choose, _find, ...kept } = typed;
  const form = await visitor.post('/countries/ESP/edit', { ...kept, '_chosen.capitalCity': id });
  assert.match(form.body, /value="typed"/);
  assert.equal((await visitor.post('/countries/ESP/edit', controlsOf(form.body))).statusCode, 303);
  const { rows } = await db.pages.query(
    `select region, city.name from gazetteer.country join gazetteer.city on city.id = capital_city_id where code = 'ESP'`,
  );
  assert.deepEqual(rows, [{ region: 'typed', name: 'York' }]);
});

test('dates are shown and read in the reader’s own time zone, and numbers in JSON keep their digits', async (t) => {
  const { db, signIn, city } = await setUp(t);
  const visitor = await signIn('editor');
  const zoned = { cookie: `${visitor.cookie}; bulkhead_time_zone=America%2FNew_York` };
  const { body } = await visitor.get('/cities/1/edit', zoned);
  assert.match(body, /id="field-reviewedAt"[^>]*value="2026-01-31T09:30:12\.345"/);
  assert.match(body, /Times are in America\/New_York/);
  assert.equal(
    (await visitor.post('/cities/1/edit', { ...controlsOf(body), reviewedAt: '2026-07-01T12:00' }))
      .statusCode,
    303,
  );
  assert.equal((await city(1)).reviewed_at.toISOString(), '2026-07-01T16:00:00.000Z');
  assert.match((await visitor.get('/cities/1', zoned)).body, /1 Jul 2026, 12:00/);
  assert.match(
    (await visitor.get('/cities/1', { cookie: `${visitor.cookie}; bulkhead_time_zone=Nowhere` }))
      .body,
    /1 Jul 2026, 16:00/,
  );

  const json = '{"big": 12345678901234567890, "exact": 0.1000000000000000000001}';
  const country = await visitor.get('/countries/ESP/edit');
  assert.equal(
    (await visitor.post('/countries/ESP/edit', { ...controlsOf(country.body), currencies: json }))
      .statusCode,
    303,
  );
  const { rows } = await db.pages.query(
    `select currencies::text as text from gazetteer.country where code = 'ESP'`,
  );
  assert.equal(rows[0].text, json);
  const again = await visitor.get('/countries/ESP/edit');
  assert.match(textOf(again.body), /12345678901234567890[\s\S]*0\.1000000000000000000001/);
  const wrong = await visitor.post('/countries/ESP/edit', {
    ...controlsOf(again.body),
    currencies: '{"a": }',
  });
  assert.equal(wrong.statusCode, 422);
  assert.match(textOf(wrong.body), /id="field-currencies-error"[^>]*>Currencies is not valid JSON/);
});

test('the history of a record names who, when, before and after, and outlives it', async (t) => {
  const { signIn } = await setUp(t);
  const visitor = await signIn('admin');
  const { body } = await visitor.get('/cities/5/edit');
  await visitor.post('/cities/5/edit', { ...controlsOf(body), country: 'FRA', featured: 'false' });
  const page = (await visitor.get('/cities/5/history')).body;
  assert.match(page, /<b>Admin<\/b> changed it[\s\S]*by a form/);
  assert.match(page, /Country<\/th><td class="history-before">Spain<\/td><td>France</);
  assert.match(page, /Featured<\/th><td class="history-before">Yes<\/td><td>No</);
  await visitor.post('/cities/5/delete');
  assert.match((await visitor.get('/cities/deleted')).body, /href="\/cities\/5\/history">Place 5</);
  assert.match(
    (await visitor.get('/cities/5/history')).body,
    /History of Place 5[\s\S]*This record was deleted[\s\S]*deleted it/,
  );
  assert.equal((await visitor.get('/cities/6/history')).statusCode, 404);
  assert.equal((await visitor.get('/cities/5/history?before=x')).statusCode, 422);
});
