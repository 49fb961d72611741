import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHistory } from '../../operations/journal/history.ts';
import { testApp, type Visitor } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { openAs } from '../../testing/launch-as.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { workOff } from '../../testing/work-off.ts';

const textOf = (html: string) =>
  html
    .replace(/<svg.*?<\/svg>|<[^>]+>/gs, ' ')
    .replace(/\s+/g, ' ')
    .trim();

async function select(visitor: Visitor, ids: readonly number[]): Promise<string> {
  const answer = await visitor.post('/ships/selection', {
    _do: 'add',
    key: ids.map((id) => String(id).padStart(20, '0')),
  });
  return (
    /_s=([0-9a-f-]{36})/.exec(String(answer.headers.location ?? answer.body))?.[1] ??
    assert.fail(answer.body)
  );
}

/** What the dialog says of the undo of deleting these ships, and what the preview does. */
async function outlooks(visitor: Visitor, ids: readonly number[]): Promise<string[]> {
  const path = `/ships/bulk-delete?_s=${await select(visitor, ids)}`;
  const said = ({ body }: { body: string }) =>
    textOf(/<p class="consequence-undo.*?<\/p>/s.exec(body)?.[0] ?? '');
  const inDialog = said(await visitor.get(path));
  const sent = await visitor.post(path, { _op: await openAs(visitor, path), _do: 'preview' });
  return [inDialog, said(await visitor.get(String(sent.headers.location)))];
}

/** What both say. */
async function outlook(visitor: Visitor, ids: readonly number[]): Promise<string> {
  const [inDialog = '', inPreview] = await outlooks(visitor, ids);
  assert.equal(inPreview, inDialog);
  return inDialog;
}

test('a delete says before it is confirmed whether it can be undone, together with what, or why not; its undo says what comes back', async (t) => {
  const { db, context, connectionString, signIn } = await testApp(t, {
    admin: tortureAdmin,
    content: 'torture',
  });
  const visitor = await signIn('admin');
  assert.equal(await outlook(visitor, [40]), 'Can be undone for 7 days.');
  assert.equal(
    await outlook(visitor, [1, 2]),
    'Can be undone for 7 days, together with 6 decks and 16 cabins.',
  );
  await db.pages.query(`
    create table torture.lamp (cabin text references torture.cabins on delete cascade);
    insert into torture.lamp values ('1/1/1')`);
  assert.equal(
    await outlook(visitor, [1, 2]),
    'Cannot be undone: it also removes 6 decks, 16 cabins, and 1 row of lamp. What goes along is kept up to two levels deep, and lamp would be the third.',
  );
  await db.pages.query('drop table torture.lamp');

  const path = `/ships/bulk-delete?_s=${await select(visitor, [1, 2])}`;
  const launched = await visitor.post(
    path,
    { _op: await openAs(visitor, path), acknowledge: 'yes' },
    { accept: 'application/json' },
  );
  const { taskId } = launched.json();
  assert.equal((await workOff({ context, connectionString, db }, taskId)).state, 'succeeded');
  const preview = await visitor.get(`/tasks/${taskId}/undo`);
  assert.match(
    textOf(preview.body),
    /2 records would be put back, together with 6 decks and 16 cabins/,
  );
  const asked = (await visitor.get(`/tasks/${taskId}/undo`, { accept: 'application/json' })).json();
  assert.deepEqual(
    [asked.restored, asked.along],
    [
      2,
      [
        { resource: 'decks', count: 6 },
        { resource: 'cabins', count: 16 },
      ],
    ],
  );

  // The page of a single record says the same.
  assert.match(
    textOf((await visitor.get('/ships/3/delete')).body),
    /Can be undone for 7 days, together with/,
  );
});

test('a record that is deleted by its form tells in the history of what went along; it stays while a task holds any of that', async (t) => {
  const { db, context, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const visitor = await signIn('admin');
  const { principal } = visitor;
  const cabins = context.registry.for(principal, 'cabins');
  const body = { field: 'price', 'value.price': '7' };
  const { task } = await launchOn(context, cabins, { keys: ['3/1/1'] }, 'update', body, principal, {
    inBackground: true,
  });
  await db.pages.query(`update ${db.t.task} set state = 'paused' where id = $1`, [task.id]);
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', '{3/1/1}', '3/1/1', '3/1/1')`,
    [task.id],
  );
  const refused = await visitor.post('/ships/3/delete');
  assert.equal(refused.statusCode, 409);
  assert.match(
    textOf(refused.body),
    /Cabins that would go with it: Held by task 1: Edit cabins, Admin\./,
  );
  assert.equal((await visitor.get('/ships/3')).statusCode, 200);

  await db.pages.query(`update ${db.t.task} set state = 'cancelled' where id = $1`, [task.id]);
  assert.equal((await visitor.post('/ships/3/delete')).statusCode, 303);
  const { entries } = await readHistory(db, cabins, '3/1/1', null);
  assert.deepEqual(
    entries.map(({ kind, principalName, task: by, isCascaded }) => [
      kind,
      principalName,
      by?.title,
      isCascaded,
    ]),
    [['delete', 'Admin', 'Delete ship', true]],
  );
  assert.match((await visitor.get('/cabins/deleted')).body, /3\/1\/1/);
});

test('a delete by which nothing would go says nothing of an undo', async (t) => {
  const { db, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const visitor = await signIn('admin');
  const page = async () => textOf((await visitor.get('/ships/40/delete')).body);
  assert.equal(await outlook(visitor, [39, 40]), 'Can be undone for 7 days.');
  assert.match(await page(), /Can be undone/);
  await db.pages.query(`
    create function torture.refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$;
    create trigger refuse before delete on torture."ships at sea" for each row when (old."ship no" = 40) execute function torture.refuse()`);
  // Some could go, in the background.
  assert.deepEqual(await outlooks(visitor, [39, 40]), Array(2).fill('Can be undone for 7 days.'));
  assert.deepEqual(await outlooks(visitor, [40]), ['Can be undone for 7 days.', '']);
  await db.pages.query(`
    drop trigger refuse on torture."ships at sea";
    create table torture.lamp (ship int references torture."ships at sea");
    insert into torture.lamp values (40)`);
  assert.deepEqual(await outlooks(visitor, [40]), ['', '']);
  assert.doesNotMatch(await page(), /undone/);
});
