import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import { defineResource } from '../../index.ts';
import { countStatements, htmx, testApp, type Visitor } from '../../testing/app.ts';
import { selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];

/**
 * Editors have 20 places, no France and no tag “capital”; a reason is asked for, and insisted on
 * above 25 records.
 */
const scoped: AdminDefinition = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', {
      scope: ({ roles }) => (roles.includes('editor') ? { population: { lte: 20 } } : {}),
      bulk: { fields: ['status', 'notes', 'tags', 'country'], reason: { requiredAbove: 25 } },
    }),
    defineResource(metadata, 'Country', {
      scope: ({ roles }) => (roles.includes('editor') ? { code: { not: 'FRA' } } : {}),
    }),
    defineResource(metadata, 'Tag', {
      scope: ({ roles }) => (roles.includes('editor') ? { name: { not: 'capital' } } : {}),
    }),
    defineResource(metadata, 'Language', {}),
  ],
};

async function setUp(t: Context, rows: number, admin: AdminDefinition = sample) {
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, rows);
  const count = async (condition: string) =>
    (await app.db.pages.query(`select count(*)::int as n from gazetteer.city where ${condition}`))
      .rows[0].n as number;
  return { ...app, count, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

/** Selects everything that matches a filter, as the list does. */
async function selectMatchingAs(visitor: Visitor, filter: string): Promise<string> {
  const answer = await visitor.post('/cities/selection', { _do: 'matching', _list: filter }, htmx);
  const id = /_s=([0-9a-f-]{36})/.exec(answer.body)?.[1];
  assert.ok(id, answer.body);
  return id;
}

async function operationOf(visitor: Visitor, path: string): Promise<string> {
  return /name="_op" value="([^"]+)"/.exec((await visitor.get(path, htmx)).body)?.[1] ?? '';
}

const publish = { field: 'status', 'value.status': 'published' };

test('the filter goes from the list to the dialog, to the preview and to the task', async (t) => {
  const { editor, count } = await setUp(t, 40);
  const path = `/cities/bulk-edit?_s=${await selectMatchingAs(editor, 'population-max=12')}`;
  assert.match((await editor.get(path, htmx)).body, /Edit 12 cities/);
  const preview = String(
    (await editor.post(path, { ...publish, _do: 'preview' })).headers.location,
  );
  assert.match((await editor.get(preview)).body, /Edit 12 cities/);
  assert.equal((await editor.post(preview, {})).statusCode, 303);
  assert.deepEqual(
    [await count(`status = 'published'`), await count(`status = 'published' and population > 12`)],
    [12, 0],
  );
});

test('“all matching” is all in one’s own scope, and ticked records outside it are counted as not one’s own', async (t) => {
  const { editor, count, db, context } = await setUp(t, 40, scoped);
  const path = `/cities/bulk-edit?_s=${await selectMatchingAs(editor, '')}`;
  const preview = String(
    (await editor.post(path, { ...publish, _do: 'preview' })).headers.location,
  );
  assert.match((await editor.get(preview)).body, /Edit 20 cities/);
  const keys = ['5', '35'].map((id) => id.padStart(20, '0'));
  const { rows } = await db.pages.query(
    `insert into ${db.t.selection} (id, owner_id, resource, kind, keys) values (gen_random_uuid(), $1, 'cities', 'ticked', $2) returning id`,
    [editor.principal.id, keys],
  );
  const ticked = await editor.post(`/cities/bulk-edit?_s=${rows[0].id}`, {
    ...publish,
    _do: 'preview',
  });
  const { body } = await editor.get(String(ticked.headers.location));
  assert.match(body, /Gone, or not yours<\/dt><dd[^>]*>1</);
  assert.ok(!body.includes('Place 35'));
  assert.equal((await editor.post(String(ticked.headers.location), {})).statusCode, 303);
  assert.equal(await count(`status = 'published' and id = 35`), 0);
  assert.ok(context);
});

test('a choice outside one’s scope is refused on submit, whatever the form offered', async (t) => {
  const { editor, admin, count, db } = await setUp(t, 40, scoped);
  for (const [field, value] of [
    ['tags', '3'],
    ['country', 'FRA'],
  ] as const) {
    for (const wanted of ['launch', 'preview']) {
      const path = `/cities/bulk-edit?_s=${await selectAs(editor, 3)}`;
      const _op = await operationOf(editor, path);
      const answer = await editor.post(
        path,
        { _op, _do: wanted, field, [`value.${field}`]: value },
        htmx,
      );
      assert.equal(answer.statusCode, 422, `${field} by ${wanted}`);
      assert.match(answer.body, new RegExp(`id="bulk-${field}-error">[^<]*not yours to choose`));
    }
  }
  assert.equal(await count(`country_code = 'FRA'`), 0);
  assert.equal((await db.pages.query('select 1 from gazetteer."_CityToTag"')).rowCount, 0);
  const path = `/cities/bulk-edit?_s=${await selectAs(admin, 3)}`;
  const allowed = await admin.post(path, {
    _op: await operationOf(admin, path),
    field: 'country',
    'value.country': 'FRA',
  });
  assert.equal(allowed.statusCode, 303, 'whoever sees it may choose it');
});

test('confirming costs the same for few records as for many, and no form grows with the selection', async (t) => {
  const { editor, db } = await setUp(t, 6_000);
  const costs = [];
  for (const filter of ['population-max=30', '']) {
    const path = `/cities/bulk-edit?_s=${await selectMatchingAs(editor, filter)}`;
    const answer = await editor.post(path, { ...publish, _do: 'preview' });
    const preview = String(answer.headers.location);
    const { body } = await editor.get(preview);
    const fields = [...body.matchAll(/<(input|select|textarea)\b/g)].length;
    assert.ok(fields < 80, `${fields} fields`);
    for (const [, address = ''] of body.matchAll(/(?:href|action)="([^"]*)"/g))
      assert.ok(address.length < 200, address);
    const { statements, result } = await countStatements(db, () => editor.post(preview, {}));
    assert.equal(result.statusCode, 303);
    costs.push(statements.length);
  }
  const [few = 0, many = 0] = costs;
  assert.ok(many <= few, `${few} statements for 30 records, ${many} for 6,000`);
  const { rows } = await db.pages.query(
    `select state, total, (select count(*)::int from ${db.t.chunk}) as chunks from ${db.t.task} order by id`,
  );
  const untouched = { state: 'queued', total: null, chunks: 0 };
  assert.deepEqual(rows, [untouched, untouched], 'which records there are is looked for later');
});

test('a reason is insisted on above the resource’s number, and stays with the task and the history', async (t) => {
  const { admin, db } = await setUp(t, 40, scoped);
  const path = `/cities/bulk-edit?_s=${await selectAs(admin, 30)}`;
  const _op = await operationOf(admin, path);
  const refused = await admin.post(path, { ...publish, _op }, htmx);
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /id="bulk-reason-error">Say why: above 25 records/);
  const preview = String((await admin.post(path, { ...publish, _do: 'preview' })).headers.location);
  assert.match((await admin.post(preview, {})).body, /id="bulk-reason-error"/);
  assert.equal((await admin.post(preview, { reason: ' because of the audit ' })).statusCode, 303);
  const { rows } = await db.pages.query(`select change_reason from ${db.t.task}`);
  assert.deepEqual(rows, [{ change_reason: 'because of the audit' }]);
  const upTo = `/cities/bulk-edit?_s=${await selectAs(admin, 25)}`;
  const enough = { field: 'notes', 'value.notes': 'x', _op: await operationOf(admin, upTo) };
  assert.equal((await admin.post(upTo, enough)).statusCode, 303, '25 are not above 25');
  const few = `/cities/bulk-edit?_s=${await selectAs(admin, 3, 35)}`;
  assert.equal(
    (await admin.post(few, { ...publish, _op: await operationOf(admin, few), reason: 'few' }))
      .statusCode,
    303,
  );
  const history = await db.pages.query(`select distinct change_reason from ${db.t.change}`);
  assert.deepEqual(history.rows, [{ change_reason: 'few' }]);
});

test('a field that is sent twice is an error, and so is a change that the field does not have', async (t) => {
  const { editor, count } = await setUp(t, 10);
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 3)}`;
  for (const [body, message] of [
    [{ field: ['status', 'status'], 'value.status': 'published' }, /Status is chosen twice/],
    [
      { field: 'status', 'change.status': 'increase', 'value.status': '1' },
      /Status cannot be changed in this way/,
    ],
    [
      { field: 'rating', 'change.rating': 'increase', 'value.rating': 'ten' },
      /must be a number such as 10 or -2.5/,
    ],
    [{ field: 'rating', 'change.rating': 'round', 'places.rating': '99' }, /from -15 to 15/],
    [
      {
        field: 'reviewedAt',
        'change.reviewedAt': 'shift',
        'value.reviewedAt': '1',
        'unit.reviewedAt': 'ages',
      },
      /Choose a unit/,
    ],
    [
      { field: 'notes', 'change.notes': 'find-replace', 'find.notes': '', 'with.notes': 'x' },
      /Give a text to find/,
    ],
    [{ field: 'notes', 'change.notes': 'copy', 'from.notes': 'passwordHash' }, /cannot be copied/],
    [{ field: 'id', 'value.id': '1' }, /no field “?"?id/],
  ] as const) {
    const answer = await editor.post(
      path,
      { _op: await operationOf(editor, path), ...body } as Record<string, string | string[]>,
      htmx,
    );
    assert.equal(answer.statusCode, 422, JSON.stringify(body));
    assert.match(answer.body.replaceAll('&quot;', '"'), message);
  }
  assert.equal(await count(`status <> 'draft' or rating is not null or notes is not null`), 0);
});

test('a “+10 %” that is confirmed again when its preview is long gone shows the task it started, and changes nothing more', async (t) => {
  const { editor, admin, count, db } = await setUp(t, 40);
  await db.pages.query('update gazetteer.city set rating = 1');
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 3)}`;
  const raise = {
    field: 'rating',
    'change.rating': 'percent',
    'value.rating': '10',
    _do: 'preview',
  };
  const preview = String((await editor.post(path, raise)).headers.location);
  const first = await editor.post(preview, {});
  assert.match(String(first.headers.location), /^\/tasks\/\d+$/);
  for (const age of ['23 hours', '25 hours', '9 days']) {
    await db.pages.query(`update ${db.t.preview} set created_at = now() - $1::interval`, [age]);
    const again = await editor.post(preview, {});
    assert.deepEqual(
      [again.statusCode, again.headers.location],
      [303, first.headers.location],
      age,
    );
    assert.equal((await editor.get(preview)).statusCode, age === '23 hours' ? 200 : 404, age);
    assert.equal((await admin.post(preview, {})).statusCode, 404, 'somebody else’s');
  }
  assert.equal(await count('rating = 1.1'), 3);
});
