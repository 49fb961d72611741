import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { scalarList } from '../../fields/scalar-list.ts';
import { defineResource, type FieldKind, kinds } from '../../index.ts';
import { testApp, type Visitor } from '../../testing/app.ts';
import { ada, launchOn } from '../../testing/context.ts';
import { formOf, plain } from '../../testing/html-form.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { tortureAdmin } from '../../testing/torture.ts';

/** A kind whose values are typed and shown in a way that no kind of a column understands. */
function written(
  base: FieldKind,
  name: string,
  example: string,
  read: (text: string) => unknown,
  show: (value: never) => string,
): FieldKind {
  const shown = (value: unknown) =>
    value === null || value === undefined ? '' : show(value as never);
  return {
    ...base,
    name,
    input: 'text',
    format: (value) => ({ text: shown(value), align: 'start' }),
    toForm: shown,
    parse(input, field) {
      // From a form, an address and a bulk edit alike it is one text.
      assert.ok(input === undefined || typeof input === 'string', JSON.stringify(input));
      const text = input?.trim() ?? '';
      if (text === '')
        return field.meta.isRequired ? { error: `${field.label} is required.` } : { value: null };
      const value = read(text);
      return value === undefined
        ? { error: `${field.label} must be written like ${example}.` }
        : { value };
    },
  };
}

const thousands = written(
  kinds.integer,
  'thousands',
  '12k',
  (text) => (/^\d+k$/i.test(text) ? Number(text.slice(0, -1)) * 1_000 : undefined),
  (value: number) => `${value / 1_000}k`,
);
const shout = written(
  kinds.text,
  'shout',
  'ahoy!',
  (text) => (text.endsWith('!') ? text.slice(0, -1).toLowerCase() : undefined),
  (value: string) => `${value}!`,
);
const stars = written(
  kinds.decimal,
  'stars',
  '***',
  (text) => (/^\*{1,5}$/.test(text) ? String(text.length) : undefined),
  (value: unknown) => '*'.repeat(Number(value)),
);
const dayMonthYear = written(
  kinds.dateTime,
  'day-month-year',
  '31.1.2026',
  (text) => {
    const [, day, month, year] = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(text) ?? [];
    return year ? new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))) : undefined;
  },
  (value: Date) => `${value.getUTCDate()}.${value.getUTCMonth() + 1}.${value.getUTCFullYear()}`,
);
const doors = written(
  kinds.boolean,
  'doors',
  'ajar',
  (text) => ({ ajar: true, shut: false })[text],
  (value: boolean) => (value ? 'ajar' : 'shut'),
);
const stages: Readonly<Record<string, string>> = {
  draft: 'stage 1',
  reviewed: 'stage 2',
  published: 'stage 3',
  archived: 'stage 4',
};
const stage = written(
  kinds.choice,
  'stage',
  'stage 1',
  (text) => Object.keys(stages).find((name) => stages[name] === text),
  (value: string) => stages[value] ?? value,
);

const cities = defineResource(metadata, 'City', {
  columns: ['name', 'population', 'notes', 'rating', 'reviewedAt', 'featured', 'status'],
  filters: ['population', 'rating'],
  form: ['population', 'notes', 'rating', 'reviewedAt', 'featured', 'status'],
  bulk: {
    fields: [
      'population',
      'notes',
      'altName',
      'rating',
      'latitude',
      'reviewedAt',
      'featured',
      'status',
    ],
  },
  fields: {
    population: { kind: thousands },
    notes: { kind: shout },
    rating: { kind: stars },
    reviewedAt: { kind: dayMonthYear },
    featured: { kind: doors },
    status: { kind: stage },
  },
});

/** What a person reads: without tags, and without what a control holds. */
const readable = (html: string) =>
  plain(html.replace(/<script[\s\S]*?<\/script>|<!--[\s\S]*?-->|<[^>]+>/g, ' ')).replace(
    /\s+/g,
    ' ',
  );
const main = (html: string) => /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? html;

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  });
  await insertPlaces(app.db, 5);
  await app.db.pages.query(
    `update gazetteer.city set population = id * 1000, notes = case id when 3 then 'bye' else 'ahoy' end, rating = case when id < 5 then id end,
       reviewed_at = '2026-07-01T00:00Z'::timestamptz + id * interval '1 day', featured = id = 2, status = case id when 4 then 'draft' else 'reviewed' end::gazetteer.city_status`,
  );
  return { ...app, visitor: await app.signIn('admin') };
}

async function placesIn(visitor: Visitor, query: string): Promise<string> {
  const { body, statusCode } = await visitor.get(`/cities?${query}&_sort=name`);
  assert.equal(statusCode, 200, `${query}: ${readable(body).slice(0, 500)}`);
  return [...body.matchAll(/data-key="0*(\d+)"/g)].map(([, id]) => id).join(' ');
}

interface Way {
  field: string;
  label: string;
  was: string;
  set: string;
  wrong: string;
  example: string;
  /** How the database or the column's own kind would write it. */
  raw: RegExp;
  filters: Record<string, string>;
}

const ways: readonly Way[] = [
  {
    field: 'population',
    label: 'Population',
    was: '1k',
    set: '12k',
    wrong: '12',
    example: '12k',
    raw: /\b12,?000\b|\b1,?000\b/,
    filters: {
      'population=2K': '2',
      'population-not=2k': '1 3 4 5',
      'population-min=4k': '4 5',
      'population-between=2k..3k': '2 3',
    },
  },
  {
    field: 'notes',
    label: 'Notes',
    was: 'ahoy!',
    set: 'Farewell!',
    wrong: 'farewell',
    example: 'ahoy!',
    raw: /\bahoy\b(?!!)|\bFarewell/,
    filters: { 'notes=AHOY!': '1 2 4 5', 'notes-not=ahoy!': '3', 'notes-contains=ye': '3' },
  },
  {
    field: 'rating',
    label: 'Rating',
    was: '*',
    set: '*****',
    wrong: '5',
    example: '***',
    raw: /Rating: set to 5/,
    filters: { 'rating=**': '2', 'rating-min=***': '3 4', 'rating-empty=yes': '5' },
  },
  {
    field: 'reviewedAt',
    label: 'Reviewed at',
    was: '2.7.2026',
    set: '31.1.2026',
    wrong: '2026-01-31',
    example: '31.1.2026',
    raw: /2026-0|\bJul\b|31 Jan/,
    filters: {
      'reviewedAt=3.7.2026': '2',
      'reviewedAt-not=3.7.2026': '1 3 4 5',
      'reviewedAt-after=4.7.2026': '4 5',
      'reviewedAt-max=3.7.2026': '1 2',
    },
  },
  {
    field: 'featured',
    label: 'Featured',
    was: 'shut',
    set: 'ajar',
    wrong: 'yes',
    example: 'ajar',
    raw: /\btrue\b|\bfalse\b|: set to Yes/,
    filters: { 'featured=ajar': '2', 'featured-not=ajar': '1 3 4 5' },
  },
  {
    field: 'status',
    label: 'Status',
    was: 'stage 2',
    set: 'stage 4',
    wrong: 'archived',
    example: 'stage 1',
    raw: /\barchived\b|\breviewed\b/,
    filters: { 'status=stage 1': '4', 'status-not=stage 1': '1 2 3 5' },
  },
];

for (const { field, label, was, set, wrong, example, raw, filters } of ways) {
  test(`a project's kind of ${field} reads the same text in filters, forms and bulk edits, and is shown in its own words`, async (t) => {
    const { visitor } = await setUp(t);
    const refusal = `${label} must be written like ${example}.`;
    const said = set === 'Farewell!' ? 'farewell!' : set;
    const say = (place: string, html: string, expected: string[]) => {
      const text = readable(html);
      for (const one of expected)
        assert.ok(text.includes(one), `${place} does not say “${one}”: ${text.slice(0, 3_000)}`);
      assert.doesNotMatch(text, raw, place);
    };
    say('the list', main((await visitor.get('/cities')).body), [was]);
    say('the record', main((await visitor.get('/cities/1')).body), [was]);

    for (const [query, places] of Object.entries(filters))
      assert.equal(await placesIn(visitor, encodeURI(query)), places, query);
    const name = field === 'reviewedAt' ? 'reviewedAt-max' : field;
    const chip =
      /<a class="list-chip[\s\S]*?<\/a>/.exec(
        (await visitor.get(`/cities?${new URLSearchParams({ [name]: set })}`)).body,
      )?.[0] ?? '';
    say('the chip', chip, [label, said]);
    const refused = await visitor.get(`/cities?${new URLSearchParams({ [name]: wrong })}`);
    assert.deepEqual([refused.statusCode, readable(refused.body).includes(refusal)], [422, true]);

    const builder = await visitor.get(`/cities/filter?${new URLSearchParams({ [name]: set })}`);
    const form = formOf(builder.body, 'filter-builder');
    assert.match(builder.body, /<(?:input|textarea)[^>]* name="v\.1" (?:type="text"|rows)/);
    assert.ok(
      Object.values(form).flat().includes(set),
      `the builder holds ${JSON.stringify(form)}`,
    );
    const applied = await visitor.get(
      `/cities/filter?${new URLSearchParams([...pairsOf(form), ['_do', 'apply']])}`,
    );
    assert.equal(applied.statusCode, 303, applied.body);
    assert.equal(
      new URL(String(applied.headers.location), 'http://here').searchParams.get(name),
      set,
    );
    const mistyped = pairsOf(form).map(([key = '', value = '']) => [
      key,
      value === set ? wrong : value,
    ]);
    const amiss = await visitor.get(
      `/cities/filter?${new URLSearchParams([...mistyped, ['_do', 'apply']])}`,
    );
    assert.deepEqual([amiss.statusCode, readable(amiss.body).includes(refusal)], [422, true]);

    const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 3)}`;
    const body = (value: string) => ({
      field,
      [`change.${field}`]: 'set',
      [`value.${field}`]: value,
    });
    const stopped = await visitor.post(path, {
      _op: await openAs(visitor, path),
      _do: 'preview',
      ...body(wrong),
    });
    assert.deepEqual([stopped.statusCode, readable(stopped.body).includes(refusal)], [422, true]);
    const previewed = await visitor.post(path, {
      _op: await openAs(visitor, path),
      _do: 'preview',
      ...body(set),
    });
    const preview = String(previewed.headers.location);
    say('the preview', main((await visitor.get(preview)).body), [`${label}: set to ${said}`, was]);
    assert.equal((await visitor.post(preview, { count: '3' })).statusCode, 303);
    say('the task', main((await visitor.get('/tasks/1')).body), [`${label}: set to ${said}`]);
    say('what it changed', main((await visitor.get('/tasks/1/changes')).body), [was, said]);
    say('the history', main((await visitor.get('/cities/1/history')).body), [was, said]);

    const edit = formOf((await visitor.get('/cities/5/edit')).body, 'record-form');
    const bad = await visitor.post('/cities/5/edit', { ...edit, [field]: wrong });
    assert.deepEqual([bad.statusCode, readable(bad.body).includes(refusal)], [422, true]);
    assert.equal((await visitor.post('/cities/5/edit', { ...edit, [field]: set })).statusCode, 303);
    assert.deepEqual(formOf((await visitor.get('/cities/5/edit')).body, 'record-form')[field], [
      said,
    ]);
  });
}

test("what can be chosen of a project's kind is sent as the kind reads it, and called as it says", async (t) => {
  const isoDay: FieldKind = {
    ...kinds.dateTime,
    name: 'iso-day',
    format: (value) => ({
      text: `day ${(value as Date | null)?.toISOString().slice(0, 10)}`,
      align: 'start',
    }),
  };
  const chosen = {
    featured: { ...doors, input: 'checkbox' },
    status: { ...stage, input: 'select' },
  } as const;
  const offered = defineResource(metadata, 'City', {
    filters: ['featured', 'status'],
    form: ['featured', 'status'],
    fields: {
      featured: { kind: chosen.featured },
      status: { kind: chosen.status },
      reviewedAt: { kind: isoDay },
    },
  });
  const { signIn } = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [offered, ...sample.resources.slice(1)] },
  });
  const admin = await signIn('admin');
  assert.match(
    readable((await admin.get('/cities?reviewedAt-max=2026-01-31')).body),
    /Reviewed at at or before day 2026-01-31/,
  );
  for (const path of [
    '/cities',
    '/cities/filter?featured=ajar',
    '/cities/filter?status=stage+1',
    '/cities/new',
  ]) {
    const { body } = await admin.get(path);
    if (!path.includes('status=')) assert.match(body, /value="ajar"[^>]*>\s*ajar/, path);
    if (!path.includes('featured=')) assert.match(body, /value="stage 4"[^>]*>\s*stage 4/, path);
    assert.doesNotMatch(body, /value="archived"/, path);
  }
});

const pairsOf = (form: Record<string, string[]>): string[][] =>
  Object.entries(form).flatMap(([name, values]) => values.map((value) => [name, value]));

const changes = [
  {
    field: 'population',
    change: 'increase',
    value: '2k',
    said: 'Population: 2k added',
    becomes: ['1k', '3k'],
  },
  {
    field: 'population',
    change: 'increase',
    value: '-2k',
    said: 'Population: 2k taken away',
    becomes: ['3k', '1k'],
  },
  {
    field: 'population',
    change: 'multiply',
    value: '2',
    said: 'Population: multiplied by 2',
    becomes: ['1k', '2k'],
  },
  {
    field: 'rating',
    change: 'fill',
    value: '**',
    said: 'Rating: set to ** where empty',
    becomes: ['—', '**'],
  },
  {
    field: 'notes',
    change: 'append',
    value: ' you',
    said: 'Notes: “ you” appended',
    becomes: ['ahoy!', 'ahoy you!'],
  },
  {
    field: 'reviewedAt',
    change: 'shift',
    value: '1',
    unit: 'days',
    said: 'Reviewed at: shifted by 1 day',
    becomes: ['2.7.2026', '3.7.2026'],
  },
  {
    field: 'featured',
    change: 'toggle',
    value: '',
    said: 'Featured: yes and no swapped',
    becomes: ['shut', 'ajar'],
  },
];

test("every change of a project's kind reads its values as the kind does, and is previewed in its words", async (t) => {
  const { visitor } = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 5)}`;
  for (const { field, change, value, unit, said, becomes } of changes) {
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
    const page = (await visitor.get(String(previewed.headers.location))).body;
    assert.ok(
      readable(page).includes(said),
      `“${said}” is not in ${readable(page).slice(0, 1_500)}`,
    );
    const shown = [
      ...page.matchAll(/<del[^>]*>([^<]*)<\/del>[\s\S]*?<ins[^>]*>([^<]*)<\/ins>/g),
    ].map(([, before, after]) => [before, after]);
    assert.ok(
      shown.some(([before, after]) => before === becomes[0] && after === becomes[1]),
      `${said}: ${JSON.stringify(shown)}`,
    );
  }
  const { body } = await visitor.get(path);
  const offered = (field: string) =>
    [
      ...(
        new RegExp(`<select[^>]*name="change\\.${field}"[\\s\\S]*?</select>`).exec(body)?.[0] ?? ''
      ).matchAll(/value="([^"]+)"/g),
    ].map(([, name]) => name);
  assert.ok(
    !offered('notes').includes('copy') && !offered('rating').includes('copy'),
    'another kind’s value is none of its own',
  );
  assert.ok(offered('latitude').includes('copy'), 'columns of their own kinds are copied as ever');
  const wrong = await visitor.post(path, {
    _op: await openAs(visitor, path),
    _do: 'preview',
    field: 'population',
    'change.population': 'increase',
    'value.population': '2',
  });
  assert.match(readable(wrong.body), /Population must be written like 12k\./);
});

/** `1|2|3` for a list of whole numbers. */
const bars: FieldKind = {
  ...scalarList(kinds.integer),
  name: 'bars',
  format: (value) => ({ text: ((value ?? []) as number[]).join('|'), align: 'start' }),
  toForm: (value) => ((value ?? []) as number[]).join('|'),
  parse(input, field) {
    const text = [input ?? ''].flat().at(-1) ?? '';
    if (text === '') return { value: [] };
    return /^\d+(\|\d+)*$/.test(text)
      ? { value: text.split('|').map(Number) }
      : { error: `${field.label} must be written like 1|2.` };
  },
};

test("a project's kind of a list reads it as a whole in filters, forms and bulk edits", async (t) => {
  const resources = tortureAdmin.resources.map((definition) =>
    definition.model === 'ScalarList'
      ? {
          ...definition,
          options: {
            columns: ['id', 'ints'],
            form: ['ints'],
            bulk: { fields: ['ints'] },
            fields: { ints: { kind: bars } },
          },
        }
      : definition,
  );
  const { signIn, context, db } = await testApp(t, {
    admin: { ...tortureAdmin, resources },
    content: 'torture',
  });
  const visitor = await signIn('admin');
  const resource =
    context.registry.list.find(({ model }) => model.name === 'ScalarList') ?? assert.fail();
  const { column } = resource.model.fields.ints ?? assert.fail();
  await db.pages.query(`update ${resource.model.table} set ${column} = '{1,2,3}'`);
  await db.pages.query(`update ${resource.model.table} set ${column} = '{4}' where id = 1`);
  const listed = async (query: string) => (await visitor.get(`/${resource.slug}?${query}`)).body;
  assert.match(await listed('ints-all=1|3'), />\s*1\|2\|3\s*</);
  assert.doesNotMatch(await listed('ints-all=1|3'), /data-key="0*1"/);
  assert.match(await listed('ints-has=4|9'), /data-key="0*1"/);
  assert.equal((await visitor.get(`/${resource.slug}?ints-has=4,9`)).statusCode, 422);
  const bulk = (change: string, value: string) =>
    launchOn(
      context,
      resource,
      { keys: ['00000000000000000001'] },
      'update',
      { field: 'ints', 'change.ints': change, 'value.ints': value },
      ada,
    );
  const now = async () =>
    (await db.pages.query(`select ${column} as ints from ${resource.model.table} where id = 1`))
      .rows[0].ints;
  await bulk('add', '5|6');
  assert.deepEqual(await now(), [4, 5, 6]);
  await bulk('remove', '4|6');
  assert.deepEqual(await now(), [5]);
  await bulk('replace', '7|8');
  assert.deepEqual(await now(), [7, 8]);
  const form = formOf((await visitor.get(`/${resource.slug}/1/edit`)).body, 'record-form');
  assert.deepEqual(form.ints, ['7|8']);
  assert.equal(
    (await visitor.post(`/${resource.slug}/1/edit`, { ...form, ints: '9' })).statusCode,
    303,
  );
  assert.deepEqual(await now(), [9]);
  assert.match((await visitor.get(`/${resource.slug}/1/history`)).body, /7\|8/);
});
