import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrismaClient } from '../../../generated/sample/client.ts';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { taskSettingsOf } from '../../admin-settings.ts';
import { parseConfig } from '../../config.ts';
import { type AdminDefinition, defineResource } from '../../index.ts';
import { htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { launchAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];

async function setUp(
  t: Context,
  options: Parameters<typeof testApp>[1] = {},
): Promise<TestApp & { editor: Visitor; admin: Visitor }> {
  const app = await testApp(t, options);
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

const key = (id: number) => String(id).padStart(20, '0');
const publish = { field: 'status', 'value.status': 'published' };

async function previewAs(
  visitor: Visitor,
  count: number,
  body: Record<string, string | string[]> = publish,
  operation = 'edit',
): Promise<string> {
  const path = `/cities/bulk-${operation}?_s=${await selectAs(visitor, count)}`;
  const answer = await visitor.post(path, { ...body, _do: 'preview' });
  assert.equal(answer.statusCode, 303, answer.body);
  return String(answer.headers.location);
}

/** The figures at the head of the page, by name. */
function countsOf(html: string): Record<string, string> {
  return Object.fromEntries(
    [...html.matchAll(/<dt[^>]*>([^<]+)<\/dt><dd[^>]*>([^<]+)<\/dd>/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
}

async function statusesOf({ db }: TestApp): Promise<Record<string, number>> {
  const { rows } = await db.pages.query<{ status: string; n: number }>(
    `select status, count(*)::int as n from gazetteer.city group by 1`,
  );
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
}

test('a preview says what would change, what is so already and what would be refused and why, and changes nothing', async (t) => {
  const app = await setUp(t);
  await app.db.pages.query(`update gazetteer.city set status = 'published' where id <= 4`);
  await app.db.pages.query(
    `alter table gazetteer.city add constraint no_five check (id not in (5, 7) or status = 'draft')`,
  );
  const path = await previewAs(app.editor, 12);
  const { body, statusCode } = await app.editor.get(path);
  assert.equal(statusCode, 200);
  assert.deepEqual(countsOf(body), {
    Selected: '12',
    'Will change': '6',
    'Already so': '4',
    Refused: '2',
  });
  assert.match(body, /Every record was tried out/);
  assert.match(body, /2×<\/span>[^<]*no_five/);
  assert.match(body, /Place 5<\/a>, <a[^>]*>Place 7/);
  assert.match(body, /<del[^>]*>draft<\/del>.*<ins[^>]*>published<\/ins>/);
  assert.deepEqual(await statusesOf(app), { draft: 56, published: 4 });
  assert.equal(
    (await app.db.pages.query(`select 1 from ${app.db.t.change}`)).rowCount,
    0,
    'a trial leaves no history',
  );
});

test('the button counts what will be, and is not there for what cannot be; refused ones are left out in one step', async (t) => {
  const app = await setUp(t);
  await app.db.pages.query(`update gazetteer.city set status = 'published' where id <= 4`);
  await app.db.pages.query(
    `alter table gazetteer.city add constraint no_five check (id not in (5, 7) or status = 'draft')`,
  );
  const buttons = (html: string) =>
    [...html.matchAll(/<button class="btn[^>]*>([^<]+)<\/button>/g)].map(([, text]) => text);
  const few = await previewAs(app.editor, 12);
  const inline = (await app.editor.get(few)).body;
  assert.match(
    inline,
    /id="preview-why">.*All or nothing: 2 records are refused, so none would be changed\./s,
  );
  assert.deepEqual(buttons(inline).slice(-2), [
    'Change 6 cities in the background',
    'Leave out the 2 refused',
  ]);
  const url = /formaction="([^"]+)" name="_do" value="refused"/.exec(inline)?.[1] as string;
  const back = await app.editor.post(url, { ...formOf(inline, 'preview-confirm'), _do: 'refused' });
  assert.equal(back.statusCode, 303);
  const left = (await app.editor.get(String(back.headers.location))).body;
  assert.deepEqual(countsOf(left), {
    Selected: '10',
    'Will change': '6',
    'Already so': '4',
    Refused: '0',
    'Left out by you': '2',
  });
  assert.equal(buttons(left).at(-1), 'Change 6 of 10 cities');
  assert.equal((await app.editor.post(few, formOf(left, 'preview-confirm'))).statusCode, 303);
  assert.deepEqual(await statusesOf(app), { draft: 50, published: 10 });

  const many = (await app.editor.get(await previewAs(app.editor, 30))).body;
  assert.equal(buttons(many).at(-1), 'Change 18 of 30 cities');
  const nothing = (await app.editor.get(await previewAs(app.editor, 4))).body;
  assert.match(nothing, /Run now, it would change nothing\./);
  assert.ok(!buttons(nothing).some((text) => text?.startsWith('Change 4')));
});

test('the same launch from the dialog and from a preview is one task while that is unfinished', async (t) => {
  const app = await setUp(t);
  const first = await launchAs(app.editor, 30);
  const path = await previewAs(app.editor, 30);
  const answer = await app.editor.post(path, {}, { accept: 'application/json' });
  assert.equal(answer.json().taskId, first);
});

test('what was previewed is what runs, whatever else is posted', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  const answer = await app.editor.post(path, {
    field: 'status',
    'value.status': 'archived',
    _s: 'x',
  });
  assert.match(String(answer.headers.location), /^\/tasks\/\d+$/);
  assert.deepEqual(await statusesOf(app), { draft: 48, published: 12 });
  const again = await app.editor.post(path, {});
  assert.equal(again.headers.location, answer.headers.location, 'sent twice it is one task');
});

test('records unticked on a preview are left out, page by page, and can be taken in again', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 45);
  const first = (await app.editor.get(path)).body;
  assert.equal([...first.matchAll(/class="preview-keep/g)].length, 20);
  const next = /href="([^"]*_after=[^"]*)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const second = (await app.editor.get(next)).body;
  assert.match(second, /Place 21</);
  const untick = (ids: number[], ticked: number[], from = '') =>
    app.editor.post(`${path}/exclusions${from}`, {
      kept: [...ids, ...ticked].map(key),
      keep: ticked.map(key),
    });
  assert.equal((await untick([1, 2], [3])).statusCode, 303);
  assert.equal((await untick([21], [22], '?_after=20')).headers.location, `${path}?_after=20`);
  assert.equal(countsOf((await app.editor.get(path)).body)['Will change'], '42');
  await app.editor.post(`${path}/exclusions`, { leftOut: [1, 2].map(key), keep: key(2) });
  const body = (await app.editor.get(path)).body;
  assert.deepEqual(countsOf(body), {
    Selected: '43',
    'Will change': '43',
    'Already so': '0',
    Refused: '0',
    'Left out by you': '2',
  });
  assert.match(body, /Change 43 cities/);
  const launched = await app.editor.post(path, {});
  assert.equal(launched.statusCode, 303);
  const { rows } = await app.db.pages.query(
    `select expected, selection->'keys' as keys from ${app.db.t.task}`,
  );
  assert.equal(rows[0].expected, 43);
  assert.ok(
    !rows[0].keys.includes(key(1)) &&
      !rows[0].keys.includes(key(21)) &&
      rows[0].keys.includes(key(2)),
  );
});

test('htmx is answered with the page as it is after a tick, and what is being typed on it is kept', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  const typed = { reason: 'Spring cleaning', stopPercent: '5', overlap: 'wait' };
  const answer = await app.editor.post(
    `${path}/exclusions`,
    { ...typed, kept: [key(1), key(2)], keep: key(2) },
    htmx,
  );
  assert.equal(answer.statusCode, 200);
  assert.doesNotMatch(answer.body, /<html/);
  assert.match(answer.body, /Change 11 cities/);
  assert.deepEqual(countsOf(answer.body)['Left out by you'], '1');
  assert.match(answer.body, new RegExp(`name="leftOut" value="${key(1)}"`));
  for (const body of [answer.body, (await app.editor.get(path)).body]) {
    const { reason, stopPercent, overlap } = formOf(body, 'preview-confirm');
    assert.deepEqual(
      { reason, stopPercent, overlap },
      { reason: ['Spring cleaning'], stopPercent: ['5'], overlap: ['wait'] },
    );
  }
});

test('ticks say what to do, so that an answer that comes late or twice undoes nothing', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  const send = (body: Record<string, string[]>) =>
    app.editor.post(`${path}/exclusions`, body, htmx);
  const untick = (...ids: number[]) => ({ kept: ids.map(key), keep: [] });
  await Promise.all([
    send(untick(1)),
    send(untick(1)),
    send(untick(2)),
    send(untick(3)),
    send({ leftOut: [key(4)], keep: [] }),
  ]);
  const { body } = await app.editor.get(path);
  assert.equal(countsOf(body)['Left out by you'], '3', 'at once from several pages, none is lost');
  await send({ leftOut: [key(1)], keep: [key(1)] });
  await send({ leftOut: [key(1)], keep: [key(1)] });
  assert.equal(countsOf((await app.editor.get(path)).body)['Left out by you'], '2');
  const { rows } = await app.db.pages.query(
    `select exclusions, record_count from ${app.db.t.preview} where findings is not null`,
  );
  assert.deepEqual(rows, [{ exclusions: [key(2), key(3)], record_count: 10 }]);
});

test('what was unticked and not sent before the confirmation is left out and shown, not changed', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  const answer = await app.editor.post(path, {
    kept: [key(1), key(2)],
    keep: key(2),
    reason: 'Why',
    count: '12',
  });
  assert.equal(answer.statusCode, 409);
  assert.match(answer.body, /Nothing was changed yet/);
  assert.match(answer.body, /Change 11 cities/);
  assert.match(answer.body, />\s*Why<\/textarea>/);
  assert.deepEqual(await statusesOf(app), { draft: 60 });
  assert.equal(
    (await app.editor.post(path, formOf(answer.body, 'preview-confirm'))).statusCode,
    303,
  );
  assert.deepEqual(await statusesOf(app), { draft: 49, published: 11 });
});

test('a confirmation of a page that another tab has made out of date is shown the preview as it is', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 30);
  const second = (await app.editor.get(`${path}?_after=20`)).body;
  await app.editor.post(`${path}/exclusions`, { kept: [key(1)] });
  const answer = await app.editor.post(path, formOf(second, 'preview-confirm'));
  assert.equal(answer.statusCode, 409);
  assert.match(answer.body, /in another tab/);
  assert.match(answer.body, /Change 29 cities/);
});

test('more than can be left out is said on the preview, which stays as it was', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  await app.db.pages.query(
    `update ${app.db.t.preview} set exclusions = array(select lpad(n::text, 20, '0') from generate_series(1001, 11000) n) where findings is not null`,
  );
  const answer = await app.editor.post(`${path}/exclusions`, { kept: [key(1)] }, htmx);
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /At most 10,000 records can be left out/);
  assert.match(answer.body, new RegExp(`name="kept" value="${key(1)}"`));
});

test('a preview of which every record is unticked cannot be confirmed', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 2);
  await app.editor.post(`${path}/exclusions`, { kept: [key(1), key(2)] });
  const { body } = await app.editor.get(path);
  assert.match(body, /Nothing is left to do/);
  assert.doesNotMatch(body, /Change 0 cities/);
  assert.match(body, /preview-keep/, 'though they can be ticked again');
  assert.equal((await app.editor.post(path, {})).statusCode, 422);
  assert.deepEqual(await statusesOf(app), { draft: 60 });
});

test('records that somebody changed since the preview are told, and the preview is shown as it would be now', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  await app.db.pages.query(`update gazetteer.city set status = 'published' where id = 3`);
  const answer = await app.editor.post(path, {});
  assert.equal(answer.statusCode, 409);
  assert.match(answer.body, /Somebody changed some of these records/);
  assert.deepEqual(countsOf(answer.body), {
    Selected: '12',
    'Will change': '11',
    'Already so': '1',
    Refused: '0',
  });
  assert.equal(
    (await app.editor.post(path, {})).statusCode,
    303,
    'the second confirmation is of what was shown then',
  );
  assert.deepEqual(await statusesOf(app), { draft: 48, published: 12 });
});

test('a change to another field since the preview is nobody’s conflict', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 12);
  await app.db.pages.query(`update gazetteer.city set notes = 'x' where id = 3`);
  assert.equal((await app.editor.post(path, {})).statusCode, 303);
});

test('records that match since the preview, or no longer do, are told', async (t) => {
  const app = await setUp(t);
  const selection = await app.editor.post(
    '/cities/selection',
    { _do: 'matching', _list: 'population-max=10' },
    htmx,
  );
  const id =
    /_s=([0-9a-f-]{36})/.exec(selection.body)?.[1] ??
    String(selection.headers.location).split('_s=')[1];
  const made = await app.editor.post(`/cities/bulk-edit?_s=${id}`, { ...publish, _do: 'preview' });
  const path = String(made.headers.location);
  assert.match(path, /previews/, made.body);
  await app.db.pages.query('update gazetteer.city set population = 5 where id = 50');
  const answer = await app.editor.post(path, {});
  assert.equal(answer.statusCode, 409);
  assert.match(answer.body, /10 records were previewed, but 11 match now/);
});

test('a preview names who holds records and counts those being edited, and waits for nobody', async (t) => {
  const app = await setUp(t);
  const { rows } = await app.db.pages.query(
    `insert into ${app.db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state)
     values ('cities', 'City', 'update', 'Edit cities', 'queue', 'somebody', 'Grace', '{}', '{}', '{}', 'running') returning id`,
  );
  await app.db.pages.query(
    `insert into ${app.db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', $2, $3, $4)`,
    [rows[0].id, [key(1), key(2)], key(1), key(2)],
  );
  const editing = await app.db.background.connect();
  await editing.query('begin; select 1 from gazetteer.city where id = 9 for update');
  const { body } = await app.editor.get(await previewAs(app.editor, 12));
  await editing.query('rollback');
  editing.release();
  const counts = {
    Selected: '12',
    'Will change': '9',
    'Already so': '0',
    Refused: '0',
    'Held by a task': '2',
    'Being edited now': '1',
  };
  assert.deepEqual(countsOf(body), counts);
  assert.match(body, /Grace: “Edit cities” holds 2/);
  assert.doesNotMatch(
    body,
    new RegExp(`href="/tasks/${rows[0].id}"`),
    'a task of somebody else is named, not linked',
  );
});

test('a delete is previewed with what goes with it, and acknowledged on the preview', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.admin, 12, {}, 'delete');
  const { body } = await app.admin.get(path);
  assert.deepEqual(countsOf(body), { Selected: '12', 'Will be deleted': '12', Refused: '0' });
  const refused = await app.admin.post(path, {});
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /id="bulk-acknowledge-error"/);
  assert.equal((await app.admin.post(path, { acknowledge: 'yes' })).statusCode, 303);
  assert.deepEqual(await statusesOf(app), { draft: 48 });
});

test('an expression that PostgreSQL refuses is refused at the preview, at its field', async (t) => {
  const app = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(app.editor, 3)}`;
  const body = {
    field: 'notes',
    'change.notes': 'find-replace-pattern',
    'find.notes': '(a',
    'with.notes': '',
  };
  for (const wanted of ['preview', 'launch']) {
    const { body: opened } = await app.editor.get(path);
    const _op = /name="_op" value="([^"]+)"/.exec(opened)?.[1] ?? '';
    const answer = await app.editor.post(path, { ...body, _op, _do: wanted }, htmx);
    assert.equal(answer.statusCode, 422, wanted);
    assert.match(
      answer.body,
      /id="bulk-notes-error">[^<]*not one that PostgreSQL takes: parentheses \(\) not balanced/,
    );
    assert.match(answer.body, /value="\(a"/, 'what was typed is kept');
  }
});

test('an expression that would take for ever is refused at the preview', async (t) => {
  const app = await setUp(t, {
    settings: { previewMs: taskSettingsOf(parseConfig({})).previewMs },
  });
  await app.db.pages.query(`update gazetteer.city set notes = repeat('a', 4001) || 'b'`);
  const path = `/cities/bulk-edit?_s=${await selectAs(app.editor, 30)}`;
  const body = {
    field: 'notes',
    'change.notes': 'find-replace-pattern',
    'find.notes': '^(a+)(a+)(a+)\\1\\2\\3b$',
    'with.notes': '',
  };
  const answer = await app.editor.post(path, { ...body, _do: 'preview' }, htmx);
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /within two seconds/);
});

test('a change by an expression leads to its preview, also when it was to start at once', async (t) => {
  const app = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(app.editor, 3)}`;
  const body = {
    field: 'notes',
    'change.notes': 'find-replace-pattern',
    'find.notes': 'a+',
    'with.notes': '',
  };
  const answer = await app.editor.post(path, { ...body, _do: 'launch' });
  assert.match(String(answer.headers.location), /^\/cities\/previews\//);
  assert.equal((await app.db.pages.query(`select 1 from ${app.db.t.task}`)).rowCount, 0);
});

test('htmx is led from the dialog to the preview, a page of its own, and back to what was typed', async (t) => {
  const app = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(app.editor, 3)}`;
  const answer = await app.editor.post(path, { ...publish, _do: 'preview' }, htmx);
  assert.match(String(answer.headers['hx-redirect']), /^\/cities\/previews\/[0-9a-f-]{36}$/);
  const { body } = await app.editor.get(String(answer.headers['hx-replace-url']));
  assert.match(body, /<option value="published"[^>]* selected/);
});

test('somebody else’s preview, and one that is not there, are the same 404', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 3);
  for (const [visitor, address] of [
    [app.admin, path],
    [app.editor, '/cities/previews/00000000-0000-4000-8000-000000000000'],
    [app.editor, '/cities/previews/nonsense'],
    [app.editor, path.replace('cities', 'countries')],
  ] as const) {
    assert.equal((await visitor.get(address)).statusCode, 404);
    assert.equal((await visitor.post(address, {})).statusCode, 404);
    assert.equal((await visitor.post(`${address}/exclusions`, { kept: key(1) })).statusCode, 404);
  }
});

test('previews of two days ago are gone', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 3);
  await app.db.pages.query(`update ${app.db.t.preview} set created_at = now() - interval '2 days'`);
  await previewAs(app.editor, 4);
  assert.equal((await app.editor.get(path)).statusCode, 404);
});

test('options that cannot be are named, and what was chosen is kept', async (t) => {
  const app = await setUp(t);
  const path = await previewAs(app.editor, 30);
  const answer = await app.editor.post(path, {
    stopPercent: '150',
    overlap: 'skip',
    skipChanged: 'yes',
  });
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /id="preview-stop-error"/);
  assert.deepEqual(formOf(answer.body, 'preview-confirm').overlap, ['skip']);
  const launched = await app.editor.post(path, {
    stopPercent: '12.5',
    overlap: 'skip',
    skipChanged: 'yes',
  });
  assert.equal(launched.statusCode, 303);
  const { rows } = await app.db.pages.query(
    `select overlap, stop_ratio, snapshot is not null as "isKept" from ${app.db.t.task}`,
  );
  assert.deepEqual(rows, [{ overlap: 'skip', stop_ratio: 0.125, isKept: true }]);
});

test('few records run in the background when asked to', async (t) => {
  const app = await setUp(t);
  await app.editor.post(await previewAs(app.editor, 3), { background: 'yes' });
  const { rows } = await app.db.pages.query(`select backend from ${app.db.t.task}`);
  assert.deepEqual(rows, [{ backend: 'queue' }]);
});

test('a preview says that an extension of the client will not run, and that nothing is held', async (t) => {
  const extended: AdminDefinition['createClient'] = ({ adapter }) =>
    new PrismaClient({ adapter }).$extends({ name: 'mine' });
  const resources = (options: object) => [
    defineResource(metadata, 'City', options),
    ...sample.resources.slice(1),
  ];
  const noteOf = async (admin: AdminDefinition) => {
    const app = await setUp(t, { admin });
    const { body } = await app.admin.get(await previewAs(app.admin, 3));
    return [
      /Prisma client does beside writing is not done/.test(body),
      /No records are held meanwhile.*Mine alone\./.test(body),
    ];
  };
  assert.deepEqual(await noteOf(sample), [false, false]);
  assert.deepEqual(
    await noteOf({
      ...sample,
      schedules: [],
      createClient: extended,
      resources: resources({ writeThrough: 'sql' }),
    }),
    [true, false],
  );
  assert.deepEqual(await noteOf({ ...sample, schedules: [], createClient: extended }), [
    false,
    false,
  ]);
  assert.deepEqual(
    await noteOf({
      ...sample,
      schedules: [],
      resources: resources({ bulk: { locks: { off: 'Mine alone.' } } }),
    }),
    [false, true],
  );
});
