import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];
type Form = Record<string, string | string[]>;

async function setUp(t: Context): Promise<TestApp & { editor: Visitor; admin: Visitor }> {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

const key = (id: number) => String(id).padStart(20, '0');
const operationOf = (html: string) => /name="_op" value="([^"]+)"/.exec(html)?.[1] ?? '';

/**
 * Fills the form of a selection, previews it and goes back; what the form then shows, and the
 * form's page.
 */
async function thereAndBack(
  visitor: Visitor,
  typed: Form,
  onPreview: Form = {},
  operation = 'edit',
) {
  const path = `/cities/bulk-${operation}?_s=${await selectAs(visitor, 12)}`;
  const _op = operationOf((await visitor.get(path)).body);
  const made = await visitor.post(path, { ...typed, _op, _do: 'preview' });
  assert.equal(made.statusCode, 303, made.body);
  const preview = String(made.headers.location);
  const back = await visitor.post(`${preview}/form`, onPreview);
  assert.equal(back.statusCode, 303, back.body);
  const { body } = await visitor.get(String(back.headers.location));
  return { body, form: formOf(body, `bulk-${operation}-form`), path, preview };
}

const changes: Form[] = [
  { field: 'status', 'change.status': 'set', 'value.status': 'published' },
  { field: 'featured', 'change.featured': 'set', 'value.featured': 'true' },
  { field: 'featured', 'change.featured': 'toggle' },
  { field: 'notes', 'change.notes': 'set', 'value.notes': 'two\r\nlines <b>"and" marks</b>' },
  { field: 'notes', 'change.notes': 'fill', 'value.notes': 'x' },
  { field: 'notes', 'change.notes': 'append', 'value.notes': ' with a blank before' },
  { field: 'notes', 'change.notes': 'find-replace', 'find.notes': 'old', 'with.notes': 'new' },
  {
    field: 'notes',
    'change.notes': 'find-replace-pattern',
    'find.notes': '(a+)b',
    'with.notes': '\\1',
  },
  { field: 'notes', 'change.notes': 'letter-case', 'case.notes': 'title' },
  { field: 'notes', 'change.notes': 'copy', 'from.notes': 'adminCode' },
  { field: 'notes', 'change.notes': 'clear' },
  { field: 'rating', 'change.rating': 'percent', 'value.rating': '-2.50' },
  { field: 'rating', 'change.rating': 'round', 'places.rating': '1' },
  { field: 'reviewedAt', 'change.reviewedAt': 'set', 'value.reviewedAt': '2026-03-29T02:30' },
  {
    field: 'reviewedAt',
    'change.reviewedAt': 'shift',
    'value.reviewedAt': '-3',
    'unit.reviewedAt': 'months',
  },
  { field: 'country', 'change.country': 'set', 'value.country': 'FRA' },
  { field: 'tags', 'change.tags': 'remove', 'value.tags': ['', '3', '1'] },
];

test('the way back from a preview shows the fields, the changes and the values that were typed', async (t) => {
  const { editor } = await setUp(t);
  for (const typed of changes) {
    const { form } = await thereAndBack(editor, typed);
    const shown = Object.fromEntries(Object.keys(typed).map((name) => [name, form[name]]));
    const expected = Object.fromEntries(
      Object.entries(typed).map(([name, value]) => [name, [value].flat()]),
    );
    assert.deepEqual(shown, expected);
  }
});

test('the form names records without a title by their ids', async (t) => {
  const { editor, db } = await setUp(t);
  await db.pages.query(`update gazetteer.city set name = '' where id = 2`);
  const { body } = await editor.get(`/cities/bulk-edit?_s=${await selectAs(editor, 12)}`);
  assert.match(body, /Place 1, 2, Place 3, Place 4 and 8 more/);
});

test('several fields come back at once, and a field that is not ticked keeps what was typed into it', async (t) => {
  const { editor } = await setUp(t);
  const typed = {
    field: ['status', 'rating'],
    'value.status': 'archived',
    'change.rating': 'increase',
    'value.rating': '1',
  };
  const { form } = await thereAndBack(editor, {
    ...typed,
    'change.notes': 'append',
    'value.notes': 'later',
  });
  assert.deepEqual(form.field, ['status', 'rating']);
  assert.deepEqual(
    [form['value.status'], form['change.rating'], form['value.rating']],
    [['archived'], ['increase'], ['1']],
  );
  assert.deepEqual([form['change.notes'], form['value.notes']], [['append'], ['later']]);
});

test('the reason goes with the form to its preview, and comes back as it was changed there', async (t) => {
  const { editor } = await setUp(t);
  const typed = { field: 'status', 'value.status': 'published', reason: 'Spring cleaning' };
  const { form, preview } = await thereAndBack(editor, typed, { reason: 'Summer cleaning' });
  assert.deepEqual(form.reason, ['Summer cleaning']);
  assert.match((await editor.get(preview)).body, />\s*Summer cleaning<\/textarea>/);
  assert.deepEqual(
    (await thereAndBack(editor, typed, { reason: '' })).form.reason,
    [''],
    'also when it was taken out',
  );
});

test('how it is to be run is carried through the form to the next preview, and said', async (t) => {
  const { editor, db } = await setUp(t);
  const typed = { field: 'status', 'value.status': 'published' };
  const options = { background: 'yes', skipChanged: 'yes', overlap: 'skip', stopPercent: '12.5' };
  const { body, form, path } = await thereAndBack(editor, typed, options);
  assert.match(
    body,
    /in the background; skip records [^.;]+; go on without [^.;]+; stop when more than 12.5 % are refused/,
  );
  const again = await editor.post(path, { ...form, _do: 'preview' });
  const { body: preview } = await editor.get(String(again.headers.location));
  const { background, skipChanged, overlap, stopPercent } = formOf(preview, 'preview-confirm');
  assert.deepEqual(
    { background, skipChanged, overlap, stopPercent },
    { background: ['yes'], skipChanged: ['yes'], overlap: ['skip'], stopPercent: ['12.5'] },
  );
  await editor.post(path, { ...form, _do: 'launch' });
  const { rows } = await db.pages.query(
    `select backend, overlap, stop_ratio as "stopRatio" from ${db.t.task}`,
  );
  assert.deepEqual(
    rows,
    [{ backend: 'queue', overlap: 'skip', stopRatio: 0.125 }],
    'and holds for a launch without another preview',
  );
});

test('options that cannot be read, and the usual ones, are not carried', async (t) => {
  const { editor } = await setUp(t);
  const typed = { field: 'status', 'value.status': 'published' };
  for (const options of [
    { stopPercent: 'half', background: 'yes' },
    { overlap: 'refuse', stopPercent: '' },
  ] as Form[]) {
    const { body } = await thereAndBack(editor, typed, options);
    assert.doesNotMatch(body, /As chosen on the preview/);
    assert.doesNotMatch(body, /name="(overlap|background|stopPercent)"/);
  }
});

test('records that were left out on a preview stay left out of what is made of its form', async (t) => {
  const { editor, db } = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 12)}`;
  const made = await editor.post(path, {
    field: 'status',
    'value.status': 'published',
    _do: 'preview',
  });
  const preview = String(made.headers.location);
  await editor.post(`${preview}/exclusions`, { kept: [key(2), key(3)] });
  const { headers } = await editor.post(`${preview}/form`, {});
  const { body } = await editor.get(String(headers.location));
  assert.match(body, /Edit 10 cities/);
  assert.match(body, /2 records are left out/);
  assert.doesNotMatch(body, /Place [23]\b/);
  const form = formOf(body, 'bulk-edit-form');
  const wrong = await editor.post(path, { ...form, 'value.status': 'no such', _do: 'preview' });
  assert.match(wrong.body, /Edit 10 cities/, 'also when the form is shown once more');
  const second = await editor.post(path, {
    ...formOf(wrong.body, 'bulk-edit-form'),
    'value.status': 'archived',
    _do: 'preview',
  });
  assert.match((await editor.get(String(second.headers.location))).body, /Change 10 cities/);
  await editor.post(path, { ...form, _do: 'launch' });
  const { rows } = await db.pages.query(
    `select array_agg(id order by id) as ids from gazetteer.city where status = 'published'`,
  );
  assert.deepEqual(rows[0].ids, [1, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test('the form of a delete comes back with its reason', async (t) => {
  const { admin } = await setUp(t);
  const { form, body } = await thereAndBack(
    admin,
    { reason: 'Doubles' },
    { reason: 'Doubles', acknowledge: 'yes' },
    'delete',
  );
  assert.deepEqual(form.reason, ['Doubles']);
  assert.equal(form.acknowledge, undefined, 'which is acknowledged anew');
  assert.match(body, /Delete 12 cities/);
});

test('a conflict leads back to the form as it was typed', async (t) => {
  const { editor } = await setUp(t);
  const selection = await selectAs(editor, 12);
  const path = `/cities/bulk-edit?_s=${selection}`;
  const _op = operationOf((await editor.get(path, htmx)).body);
  await editor.post('/cities/selection', { _s: selection, _do: 'remove', key: key(12) });
  const typed = {
    field: 'notes',
    'change.notes': 'prepend',
    'value.notes': 'See: ',
    reason: 'Why not',
  };
  const refused = await editor.post(path, { ...typed, _op, _do: 'launch' }, htmx);
  assert.equal(refused.statusCode, 409);
  const again =
    /href="([^"]*_preview=[^"]*)"/.exec(refused.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const form = formOf((await editor.get(again, htmx)).body, 'bulk-edit-form');
  assert.deepEqual(
    [form.field, form['change.notes'], form['value.notes'], form.reason],
    [['notes'], ['prepend'], ['See: '], ['Why not']],
  );
});

test('what was typed is nobody else’s to see, and nothing that was not asked for is kept', async (t) => {
  const { editor, admin, db } = await setUp(t);
  const typed = {
    field: 'status',
    'value.status': 'published',
    password: 'secret',
    'value.none': 'x',
    reason: 'nul \0',
  };
  const { preview } = await thereAndBack(editor, { ...typed, 'value.notes': 'mine' });
  const { rows } = await db.pages.query(`select form from ${db.t.preview} where form is not null`);
  assert.deepEqual(Object.keys(rows[0].form).sort(), ['field', 'value.notes', 'value.status']);
  const id = preview.split('/').at(-1);
  assert.equal((await admin.post(`${preview}/form`, {})).statusCode, 404);
  const other = await admin.get(`/cities/bulk-edit?_s=${await selectAs(admin, 3)}&_preview=${id}`);
  assert.deepEqual(formOf(other.body, 'bulk-edit-form')['value.notes'], ['']);
});
