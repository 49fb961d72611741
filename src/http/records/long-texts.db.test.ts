import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp, type Visitor } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { insertPlaces } from '../../testing/places.ts';

const fiveMegabytes = `line of "text" <b> & é\r\n`.repeat(200_000);

async function site(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t);
  await insertPlaces(app.db, 2);
  const editor = await app.signIn('admin');
  const write = (text: string) =>
    app.db.pages.query('update gazetteer.city set notes = $1 where id = 1', [text]);
  const read = async () =>
    (await app.db.pages.query('select name, notes from gazetteer.city where id = 1'))
      .rows[0] as Record<string, string>;
  return { ...app, editor, write, read };
}

const bytes = (form: Record<string, string | readonly string[]>) =>
  Buffer.byteLength(
    new URLSearchParams(
      Object.entries(form).flatMap(([name, all]) => [all].flat().map((one) => [name, one])),
    ).toString(),
  );

async function openForm(visitor: Visitor, path: string) {
  const page = await visitor.get(path);
  assert.equal(page.statusCode, 200);
  return { html: page.body, form: formOf(page.body, 'record-form') };
}

test('a record with a text of five megabytes is opened, changed in another field, and saved', async (t) => {
  const { editor, write, read, db } = await site(t);
  await write(fiveMegabytes);
  const { html, form } = await openForm(editor, '/cities/1/edit');
  assert.ok(html.length < 100_000, `a form of ${html.length} characters`);
  assert.ok(bytes(form) < 10_000, `${bytes(form)} bytes travel`);
  assert.match(html, /Edit this text/);
  assert.equal(form.notes, undefined);
  const saved = await editor.post('/cities/1/edit', { ...form, name: 'Changed' });
  assert.equal(saved.statusCode, 303);
  assert.deepEqual(await read(), { name: 'Changed', notes: fiveMegabytes });
  const { rows } = await db.pages.query(
    `select fields, pg_column_size(before) as size from ${db.t.change}`,
  );
  assert.deepEqual(rows[0].fields.includes('notes'), false);
  assert.ok(rows[0].size < 1_000);
  const shown = await editor.get('/cities/1');
  assert.ok(shown.body.length < 100_000, `a page of ${shown.body.length} characters`);
  const whole = await editor.get(/href="([^"]+)">Show the whole value/.exec(shown.body)?.[1] ?? '');
  assert.equal(whole.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(whole.body, fiveMegabytes);
});

test('a long text is edited on a page of its own, with its own line ends kept', async (t) => {
  const { editor, write, read } = await site(t);
  await write(fiveMegabytes);
  const { html } = await openForm(editor, '/cities/1/edit?_back=_page%3D2');
  const path = /href="([^"]+)">Edit this text/.exec(html)?.[1] ?? '';
  const { form } = await openForm(editor, path);
  assert.equal(form.notes?.[0], fiveMegabytes, 'as a browser sends it');
  const same = await editor.post(path, form);
  assert.equal(same.statusCode, 303);
  assert.equal((await read()).notes, fiveMegabytes);
  const saved = await editor.post(path, { ...form, notes: `${form.notes?.[0]}the end` });
  assert.equal(saved.statusCode, 303);
  assert.equal((await read()).notes, `${fiveMegabytes}the end`);
  const history = await editor.get('/cities/1/history');
  assert.ok(history.body.length < 100_000);
  const links = [...history.body.matchAll(/href="([^"]+)">Show the whole value/g)].map(
    ([, href]) => href as string,
  );
  const values = await Promise.all(links.map(async (href) => (await editor.get(href)).body));
  assert.deepEqual(
    values.map((value) => value.length),
    [fiveMegabytes.length, fiveMegabytes.length + 7],
  );
  assert.equal((await editor.get('/cities/1/edit/none')).statusCode, 404);
});

test('a long text that somebody else has changed is refused, with both values cut', async (t) => {
  const { editor, write, read } = await site(t);
  await write(fiveMegabytes);
  const { form } = await openForm(editor, '/cities/1/edit/notes');
  await write(`theirs ${fiveMegabytes}`);
  const refused = await editor.post('/cities/1/edit/notes', {
    ...form,
    notes: `mine ${fiveMegabytes}`,
  });
  assert.equal(refused.statusCode, 409);
  assert.match(refused.body, /Theirs:<\/b> <span class="conflict-value">theirs line of/);
  assert.match(refused.body, /Yours:<\/b> <span class="conflict-value">mine line of/);
  assert.ok(refused.body.length < 2 * fiveMegabytes.length, 'typed once, and not theirs besides');
  const again = formOf(refused.body, 'record-form');
  const kept = await editor.post('/cities/1/edit/notes', { ...again, '_keep.notes': 'mine' });
  assert.equal(kept.statusCode, 303);
  assert.match((await read()).notes ?? '', /^mine line/);
});

test('a text that grew too long for the form while it was open is not overwritten', async (t) => {
  const { editor, write, read } = await site(t);
  await write('short');
  const { form } = await openForm(editor, '/cities/1/edit');
  await write(fiveMegabytes);
  const refused = await editor.post('/cities/1/edit', { ...form, notes: 'mine' });
  assert.equal(refused.statusCode, 409);
  assert.equal((await read()).notes, fiveMegabytes);
  const left = await editor.post('/cities/1/edit', {
    ...formOf(refused.body, 'record-form'),
    name: 'Changed',
    '_keep.notes': 'theirs',
  });
  assert.equal(left.statusCode, 303);
  assert.deepEqual(await read(), { name: 'Changed', notes: fiveMegabytes });
});

test('unchanged values travel once, and a record of long values in another script can be saved', async (t) => {
  const { editor, write, read } = await site(t);
  const notes = 'дон '.repeat(8_000);
  await write(notes);
  const { form } = await openForm(editor, '/cities/1/edit');
  assert.equal(form.notes?.[0], notes);
  assert.ok((form._was?.[0]?.length ?? 0) < 2_000, form._was?.[0]);
  assert.equal((await editor.post('/cities/1/edit', { ...form, name: 'Changed' })).statusCode, 303);
  assert.deepEqual(await read(), { name: 'Changed', notes });
  await write('д'.repeat(100_000));
  const long = await openForm(editor, '/cities/1/edit');
  assert.equal(
    (await editor.post('/cities/1/edit', { ...long.form, name: 'Again' })).statusCode,
    303,
  );
  assert.deepEqual(await read(), { name: 'Again', notes: 'д'.repeat(100_000) });
});

test('a form that is too large comes back as it was typed, and leads to where its text can be saved', async (t) => {
  const { editor, read } = await site(t);
  const { form } = await openForm(editor, '/cities/1/edit');
  const typed = { ...form, name: 'Typed', notes: 'x'.repeat(2_000_000) };
  const refused = await editor.post('/cities/1/edit', typed);
  assert.equal(refused.statusCode, 413);
  const back = formOf(refused.body, 'record-form');
  assert.deepEqual([back.name, back.notes?.[0]?.length], [['Typed'], 2_000_000]);
  assert.equal((await read()).name, 'Place 1');
  const action = /formaction="([^"]+)"/.exec(refused.body)?.[1] ?? '';
  const own = await editor.post(action, { ...back, _return: '1' });
  assert.equal(own.statusCode, 200);
  const ownForm = formOf(own.body, 'record-form');
  assert.equal((await editor.post(action, ownForm)).statusCode, 303);
  assert.equal((await read()).notes?.length, 2_000_000);
  const created = await editor.post('/cities/new', typed);
  assert.equal(created.statusCode, 413);
  assert.equal(formOf(created.body, 'record-form').notes?.[0]?.length, 2_000_000);
  const tooLarge = await editor.post('/cities/1/edit/notes', {
    ...ownForm,
    notes: 'y'.repeat(16 * 1024 * 1024 + 1),
  });
  assert.equal(tooLarge.statusCode, 413);
  assert.match(tooLarge.body, /may have at most 16/);
  assert.equal((await read()).notes?.length, 2_000_000);
});
