import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../index.ts';
import { testApp, type Visitor } from '../../testing/app.ts';
import { formOf, plain } from '../../testing/html-form.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const words: Readonly<Record<string, string>> = {
  draft: 'Not ready',
  reviewed: 'Looked at',
  published: 'Out',
  archived: 'Put away',
};

const cities = defineResource(metadata, 'City', {
  columns: ['name', 'status', 'featured', 'rating', 'population', 'reviewedAt'],
  filters: ['status', 'featured'],
  bulk: { fields: ['status', 'featured', 'rating', 'population', 'reviewedAt', 'tags'] },
  fields: {
    status: { format: (value) => words[String(value)] ?? String(value) },
    rating: { format: (value) => `${Number(value).toFixed(1)} of 5` },
  },
});

/** What a person reads: without tags, and without what a control holds. */
const readable = (html: string) =>
  plain(html.replace(/<script[\s\S]*?<\/script>|<!--[\s\S]*?-->|<[^>]+>/g, ' ')).replace(
    /\s+/g,
    ' ',
  );

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  });
  await insertPlaces(app.db, 5);
  await app.db.pages.query(
    `update gazetteer.city set status = 'reviewed', rating = 3, population = 1234567, reviewed_at = '2026-07-01T08:30Z'`,
  );
  const signed = await app.signIn('admin');
  const zone = { cookie: `${signed.cookie}; bulkhead_time_zone=Europe%2FMadrid` };
  const visitor: Visitor = {
    ...signed,
    get: (path, headers) => signed.get(path, { ...headers, ...zone }),
    post: (path, body, headers) => signed.post(path, body, { ...headers, ...zone }),
  };
  return { ...app, visitor };
}

/** A value as the database or an address has it, and as a list shows it. */
const values = [
  {
    field: 'status',
    label: 'Status',
    set: 'archived',
    was: 'Looked at',
    said: 'Put away',
    raw: /\barchived\b|\breviewed\b/,
  },
  {
    field: 'featured',
    label: 'Featured',
    set: 'true',
    was: 'No',
    said: 'Yes',
    raw: /\btrue\b|\bfalse\b/,
  },
  {
    field: 'rating',
    label: 'Rating',
    set: '4.5',
    was: '3.0 of 5',
    said: '4.5 of 5',
    raw: /\b4\.5(?! of 5)/,
  },
  {
    field: 'population',
    label: 'Population',
    set: '7654321',
    was: '1,234,567',
    said: '7,654,321',
    raw: /7654321|1234567/,
  },
  {
    field: 'reviewedAt',
    label: 'Reviewed at',
    set: '2026-01-31T23:30',
    was: '1 Jul 2026, 10:30',
    said: '31 Jan 2026, 23:30',
    raw: /T\d{2}:30|22:30/,
  },
] as const;

for (const { field, label, set, was, said, raw } of values) {
  test(`${label} is said as a list shows it: in chips, headlines, previews, tasks, history and conflicts`, async (t) => {
    const { visitor, db } = await setUp(t);
    const say = (place: string, html: string, expected: string[]) => {
      const text = readable(html);
      for (const one of expected)
        assert.ok(text.includes(one), `${place} does not say “${one}”: ${text.slice(0, 3_000)}`);
      assert.doesNotMatch(text, raw, place);
    };
    const main = (html: string) => /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? html;
    say('the list', main((await visitor.get('/cities')).body), field === 'featured' ? [] : [was]);
    const query = `${field}${field === 'reviewedAt' ? '-max' : ''}=${set}`;
    const chip =
      /<a class="list-chip[\s\S]*?<\/a>/.exec((await visitor.get(`/cities?${query}`)).body)?.[0] ??
      '';
    say('the chip', chip, [label, said]);
    say('what takes it away', /aria-label="([^"]*)"/.exec(chip)?.[1] ?? '', [said]);

    const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 3)}`;
    const body = { field, [`change.${field}`]: 'set', [`value.${field}`]: set };
    const previewed = await visitor.post(path, {
      _op: await openAs(visitor, path),
      _do: 'preview',
      ...body,
    });
    const preview = String(previewed.headers.location);
    say('the preview', main((await visitor.get(preview)).body), [
      `${label}: set to ${said}`,
      was,
      said,
    ]);
    const done = await visitor.post(preview, { count: '3' });
    assert.equal(done.statusCode, 303, done.body);
    say('the task', main((await visitor.get('/tasks/1')).body), [`${label}: set to ${said}`]);
    say('the history', main((await visitor.get('/cities/1/history')).body), [was, said]);

    const form = formOf((await visitor.get('/cities/5/edit')).body, 'record-form');
    const column = { reviewedAt: 'reviewed_at' }[field as string] ?? field;
    await db.pages.query(
      `update gazetteer.city set ${column} = (select ${column} from gazetteer.city where id = 1) where id = 5`,
    );
    const mine = {
      status: 'draft',
      featured: 'false',
      rating: '1',
      population: '1',
      reviewedAt: '2026-07-01T10:31',
    }[field];
    if (field === 'featured') return;
    const conflict = await visitor.post('/cities/5/edit', { ...form, [field]: mine });
    assert.equal(conflict.statusCode, 409, conflict.body);
    assert.ok(readable(conflict.body).includes(said), `the conflict does not say “${said}”`);
  });
}

test('what can be chosen is called as a list calls it: quick filters, builder, form and bulk dialog', async (t) => {
  const { visitor } = await setUp(t);
  const list = (await visitor.get('/cities')).body;
  assert.match(
    /<details[^>]*data-filter="status"[\s\S]*?<\/details>/.exec(list)?.[0] ?? '',
    /value="archived"[^>]*>Put away/,
  );
  assert.match(
    (await visitor.get('/cities/filter?status=draft')).body,
    /value="archived"[^>]*>Put away/,
  );
  assert.match(
    (await visitor.get('/cities/1/edit')).body,
    /<option value="archived"[^>]*>Put away/,
  );
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 3)}`;
  assert.match((await visitor.get(path)).body, /<option value="archived"[^>]*>Put away/);
});

const changes = [
  { change: 'increase', field: 'population', value: '25000', said: 'Population: 25,000 added' },
  {
    change: 'increase',
    field: 'population',
    value: '-25000',
    said: 'Population: 25,000 taken away',
  },
  {
    change: 'multiply',
    field: 'population',
    value: '1500.25',
    said: 'Population: multiplied by 1,500.25',
  },
  {
    change: 'percent',
    field: 'population',
    value: '1000',
    said: 'Population: changed by +1,000 %',
  },
  {
    change: 'shift',
    field: 'reviewedAt',
    value: '1',
    unit: 'days',
    said: 'Reviewed at: shifted by 1 day',
  },
  {
    change: 'shift',
    field: 'reviewedAt',
    value: '-1000',
    unit: 'days',
    said: 'Reviewed at: shifted by -1,000 days',
  },
  { change: 'fill', field: 'rating', value: '2', said: 'Rating: set to 2.0 of 5 where empty' },
  { change: 'add', field: 'tags', value: '1', said: 'Tags: add port' },
];

test('amounts and related records of a change are said as people write them', async (t) => {
  const { visitor } = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 3)}`;
  for (const { change, field, value, unit, said } of changes) {
    const body = {
      field,
      [`change.${field}`]: change,
      [`value.${field}`]: value,
      ...(unit ? { [`unit.${field}`]: unit } : {}),
    };
    const previewed = await visitor.post(path, {
      _op: await openAs(visitor, path),
      _do: 'preview',
      ...body,
    });
    assert.equal(previewed.statusCode, 303, `${said} ${readable(previewed.body).slice(0, 800)}`);
    const page = readable((await visitor.get(String(previewed.headers.location))).body);
    assert.ok(page.includes(said), `“${said}” is not in ${page.slice(0, 1_500)}`);
  }
});
