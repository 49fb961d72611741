import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type Principal } from '../../index.ts';
import type { FieldEdit } from '../../operations/field-edit.ts';
import { actions } from '../../resources/actions.ts';
import { keepShown } from '../../tasks/previewing/kept-preview.ts';
import { purge } from '../../tasks/worker/retention.ts';
import { type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const before = 'What was shown before';

async function setUp(t: TestContext, admin: typeof sample = { ...sample, schedules: [] }) {
  const app = await testApp(t, { admin, env: { BULKHEAD_MIN_ASYNC_RECORDS: '10' } });
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

/** Previews an edit of notes, looks at it, and confirms it; gives the task's number. */
async function confirmPreviewed(visitor: Visitor, count: number): Promise<number> {
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, count)}`;
  const _op = await openAs(visitor, path);
  const made = await visitor.post(path, {
    _op,
    field: 'notes',
    'value.notes': 'Seen before',
    _do: 'preview',
  });
  const place = String(made.headers.location);
  const { body } = await visitor.get(place);
  const shown = /name="count" value="(\d+)"/.exec(body)?.[1] ?? '';
  const kept = [...body.matchAll(/name="kept" value="([^"]+)"/g)].map(([, key = '']) => key);
  const sent = await visitor.post(place, { count: shown, kept, keep: kept });
  assert.equal(sent.statusCode, 303, sent.body);
  return Number(/\d+$/.exec(String(sent.headers.location))?.[0]);
}

const pageOf = async (visitor: Visitor, id: number) => (await visitor.get(`/tasks/${id}`)).body;
const shownOn = (body: string) => body.slice(body.indexOf(before));

async function rowsOf({ db }: Pick<TestApp, 'db'>, id: number) {
  const { rows } = await db.pages.query(
    `select findings, rows from ${db.t.task_preview} where task_id = $1`,
    [id],
  );
  return rows[0];
}

for (const [count, way] of [
  [3, 'at once'],
  [30, 'in the background'],
] as const)
  test(`the page of a task that is done ${way} shows what was shown before: counts, and the first records as they were`, async (t) => {
    const app = await setUp(t);
    const id = await confirmPreviewed(app.editor, count);
    const body = shownOn(await pageOf(app.editor, id));
    for (const line of [
      `All ${count} records were tried.`,
      `${count} records would have been changed`,
      'Seen before',
      'Would change',
      'href="/cities/1"',
    ])
      assert.ok(body.includes(line), line);
    const { rows, findings } = await rowsOf(app, id);
    assert.equal(rows.records.length, Math.min(count, 20));
    assert.deepEqual(rows.fields, ['notes']);
    for (const name of ['digest', 'triggers']) assert.ok(!(name in findings), name);
  });

test('nothing is shown of what was confirmed without a preview', async (t) => {
  const { editor } = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 3)}`;
  const sent = await editor.post(path, {
    _op: await openAs(editor, path),
    field: 'notes',
    'value.notes': 'at once',
    _do: 'launch',
  });
  const id = Number(/\d+$/.exec(String(sent.headers.location))?.[0]);
  assert.ok(!(await pageOf(editor, id)).includes(before));
});

test('fields that a reader may not see, and records out of their reach, are not among what is shown', async (t) => {
  const isViewer = ({ roles }: Principal) => roles.includes('viewer');
  const app = await setUp(t, {
    ...sample,
    schedules: [],
    tasks: [],
    resources: [
      defineResource(metadata, 'City', {
        permissions: () => actions,
        scope: (person: Principal) => (isViewer(person) ? { id: { not: 2 } } : {}),
        fields: { notes: { see: (person: Principal) => !isViewer(person) } },
      }),
    ],
  });
  const id = await confirmPreviewed(app.editor, 3);
  await app.db.pages.query(`update ${app.db.t.task} set principal_id = $2 where id = $1`, [
    id,
    (await app.signIn('viewer')).principal.id,
  ]);
  const body = shownOn(await pageOf(await app.signIn('viewer'), id));
  assert.ok(body.includes('href="/cities/1"'));
  assert.ok(!body.includes('href="/cities/2"'));
  assert.ok(!body.includes('Seen before'));
});

test('the records go when the images go, and the rest when the task goes', async (t) => {
  const app = await setUp(t);
  const id = await confirmPreviewed(app.editor, 3);
  const { db, context } = app;
  assert.equal((await purge(context)).shown, 0);
  const days = context.settings.undoRetentionDays + 1;
  await db.pages.query(`update ${db.t.task_preview} set at = now() - make_interval(days => $1)`, [
    days,
  ]);
  assert.equal((await purge(context)).shown, 1);
  const body = shownOn(await pageOf(app.editor, id));
  assert.ok(body.includes('The records themselves are kept no longer.'));
  assert.ok(body.includes('3 records would have been changed'));
  assert.ok(!body.includes('href="/cities/1"'));
  await db.pages.query(`delete from ${db.t.task} where id = $1`, [id]);
  assert.equal(await rowsOf(app, id), undefined);
});

test('values of a secret field are not kept', async (t) => {
  const app = await setUp(t, {
    ...sample,
    schedules: [],
    tasks: [],
    resources: [
      defineResource(metadata, 'City', {
        permissions: () => actions,
        fields: { notes: { secret: true } },
      }),
    ],
  });
  const id = await openAs(app.editor, `/cities/bulk-edit?_s=${await selectAs(app.editor, 1)}`);
  const cities = app.context.registry.get('cities');
  const edits: readonly FieldEdit[] = [
    { field: 'name', change: 'set', value: 'Shown' },
    { field: 'notes', change: 'set', value: 'Kept secret' },
    { field: 'alternateNames', change: 'copy', value: 'notes' },
  ];
  const record = { key: '1', title: '1', isLeftOut: false, fate: 'changed', reason: null } as const;
  const [before, after] = [
    ['Was', 'Kept secret', 'x'],
    ['Shown', 'Kept secret', 'Kept secret'],
  ];
  await keepShown(app.db, cities, { id }, edits, [{ ...record, before, after }]);
  const { rows } = await app.db.pages.query(`select shown from ${app.db.t.preview} where id = $1`, [
    id,
  ]);
  assert.deepEqual(rows[0].shown, {
    fields: ['name'],
    records: [{ key: '1', fate: 'changed', reason: null, before: ['Was'], after: ['Shown'] }],
  });
});
