import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { formOf, plain } from '../../testing/html-form.ts';
import { openAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

/** What a person reads: without tags, and without what a control holds. */
const readable = (html: string) =>
  plain(html.replace(/<script[\s\S]*?<\/script>|<[^>]+>/g, ' ')).replace(/\s+/g, ' ');
const keysIn = (html: string) =>
  [...html.matchAll(/data-key="([A-Z]+)"/g)].map(([, key]) => key).join(' ');

test('money in cents is typed as 5,50 and shown as 5.50: filter, list, form, bulk edit, amount to add, preview, history', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  await db.pages.query(
    `update gazetteer.country set survey_budget_cents = case code when 'ESP' then 550 else 123456 end`,
  );
  const visitor = await signIn('admin');
  const centsOf = async (code: string) =>
    (
      await db.pages.query(
        'select survey_budget_cents as cents from gazetteer.country where code = $1',
        [code],
      )
    ).rows[0].cents;

  const list = (await visitor.get('/countries')).body;
  assert.match(list, /<span class="tabular-nums">5\.50<\/span>/);
  assert.match(list, /<span class="tabular-nums">1,234\.56<\/span>/);
  assert.doesNotMatch(readable(list), /\b550\b|123,?456/);

  for (const [query, keys] of Object.entries({
    'surveyBudget=5,5': 'ESP',
    'surveyBudget-min=5.51': 'FRA',
    'surveyBudget-between=5,50..1234,56': 'FRA ESP',
  })) {
    const found = await visitor.get(`/countries?${query}`);
    assert.deepEqual([found.statusCode, keysIn(found.body)], [200, keys], query);
  }
  assert.equal(
    keysIn((await visitor.get('/cities?country.surveyBudget-min=5,51')).body),
    '',
    'Spain has less',
  );
  assert.match(
    (await visitor.get('/cities?country.surveyBudget-max=5,51')).body,
    /Country: Survey budget \(€\) at most 5\.51/,
  );
  assert.match(
    readable((await visitor.get('/countries?surveyBudget-max=5,5')).body),
    /Survey budget \(€\) at most 5\.50/,
  );
  const amiss = await visitor.get('/countries?surveyBudget-max=cheap');
  assert.deepEqual(
    [
      amiss.statusCode,
      readable(amiss.body).includes('Survey budget (€) must be an amount such as 5,50.'),
    ],
    [422, true],
  );

  const edit = (await visitor.get('/countries/ESP/edit')).body;
  assert.match(
    edit,
    /<span class="text-base-content\/70" aria-hidden="true">€<\/span>\s*<input [^>]*value="5\.50" id="field-surveyBudget" name="surveyBudget"/,
  );
  const form = formOf(edit, 'record-form');
  const wrong = await visitor.post('/countries/ESP/edit', { ...form, surveyBudget: '1,234.5' });
  assert.equal(wrong.statusCode, 422);
  assert.match(wrong.body, /input-error">[\s\S]*value="1,234\.5" [^>]*aria-invalid="true"/);
  assert.equal(
    (await visitor.post('/countries/ESP/edit', { ...form, surveyBudget: '7,5' })).statusCode,
    303,
  );
  assert.equal(await centsOf('ESP'), 750);

  const select = await visitor.post('/countries/selection', { _do: 'add', key: ['ESP', 'FRA'] });
  const path = `/countries/bulk-edit?_s=${/_s=([0-9a-f-]{36})/.exec(String(select.headers.location ?? select.body))?.[1]}`;
  const run = async (change: string, value: string, said: string, shown: string[]) => {
    const body = {
      field: 'surveyBudget',
      'change.surveyBudget': change,
      'value.surveyBudget': value,
    };
    const previewed = await visitor.post(path, {
      _op: await openAs(visitor, path),
      _do: 'preview',
      ...body,
    });
    assert.equal(previewed.statusCode, 303, readable(previewed.body).slice(0, 1_000));
    const page = (await visitor.get(String(previewed.headers.location))).body;
    for (const text of [said, ...shown])
      assert.ok(
        readable(page).includes(text),
        `“${text}” is not in ${readable(page).slice(0, 2_000)}`,
      );
    const done = await visitor.post(String(previewed.headers.location), { count: '2' });
    assert.equal(done.statusCode, 303, done.body);
  };
  await run('increase', '5,50', 'Survey budget (€): 5.50 added', [
    '7.50 → 13.00',
    '1,234.56 → 1,240.06',
  ]);
  assert.deepEqual([await centsOf('ESP'), await centsOf('FRA')], [1_300, 124_006]);
  await run('increase', '-0.06', 'Survey budget (€): 0.06 taken away', ['13.00 → 12.94']);
  await run('set', '2,00', 'Survey budget (€): set to 2.00', ['12.94 → 2.00', '1,240.00 → 2.00']);
  assert.deepEqual([await centsOf('ESP'), await centsOf('FRA')], [200, 200]);
  const history = readable((await visitor.get('/countries/FRA/history')).body);
  for (const amount of ['1,234.56', '1,240.06', '1,240.00', '2.00'])
    assert.ok(history.includes(amount), `${amount} is not in ${history}`);
  assert.doesNotMatch(history, /\b200\b|124006/);
});
