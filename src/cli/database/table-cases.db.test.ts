import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foundApp, workThrough } from '../../testing/found-app.ts';
import { formOf } from '../../testing/html-form.ts';

const partitions = {
  range: `create table measured (id int, day date not null, place text, primary key (id, day)) partition by range (day);
    create table measured_1 partition of measured for values from ('2026-01-01') to ('2026-07-01');
    create table measured_2 partition of measured for values from ('2026-07-01') to ('2027-01-01');
    insert into measured select n, date '2026-01-01' + n * 3, 'Place ' || n from generate_series(1, 100) n`,
  list: `create table measured (id int, day text not null, place text, primary key (id, day)) partition by list (day);
    create table measured_1 partition of measured for values in ('mon', 'tue');
    create table measured_2 partition of measured default;
    insert into measured select n, (array['mon', 'tue', 'wed'])[1 + n % 3], 'Place ' || n from generate_series(1, 100) n`,
  hash: `create table measured (id int primary key, day text, place text) partition by hash (id);
    create table measured_1 partition of measured for values with (modulus 2, remainder 0);
    create table measured_2 partition of measured for values with (modulus 2, remainder 1);
    insert into measured select n, 'mon', 'Place ' || n from generate_series(1, 100) n`,
};
const records = { range: '["1","2026-01-04"]', list: '["1","tue"]', hash: '1' };

for (const [kind, sql] of Object.entries(partitions))
  test(`a table that is partitioned by ${kind} is one table on the pages, and goes the whole way`, async (t) => {
    const app = await foundApp(t, sql);
    assert.deepEqual(
      app.context.registry.list.map(({ slug }) => slug),
      ['measureds'],
    );
    await workThrough(app, {
      slug: 'measureds',
      record: encodeURIComponent(records[kind as keyof typeof records]),
      save: { place: 'Here' },
      edit: { field: 'place', 'value.place': 'Everywhere' },
      snapshot: 'select tableoid::regclass::text as partition, * from measured order by id',
      changed: 100,
    });
  });

test('rows that an edit moves to another partition keep their history and their undo', async (t) => {
  const app = await foundApp(
    t,
    `create table parcel (id int not null, state text not null, note text) partition by list (state);
     create table parcel_open partition of parcel for values in ('open');
     create table parcel_closed partition of parcel for values in ('closed');
     create index on parcel (id);
     insert into parcel select n, 'open', 'Parcel ' || n from generate_series(1, 90) n`,
    { schema: 'model parcel {\n  id Int @id\n  state String\n  note String?\n}\n' },
  );
  const snapshot = 'select tableoid::regclass::text as partition, * from parcel order by id';
  await workThrough(app, {
    slug: 'parcels',
    record: '7',
    save: { state: 'closed' },
    edit: { field: 'note', 'value.note': 'Noted' },
    snapshot,
    changed: 90,
  });
  assert.equal((await app.rows(snapshot))[6]?.partition, 'parcel_closed');
  await app.rows(`update parcel set state = 'open'`);
  const before = await app.rows(snapshot);
  const task = await app.edit('parcels', { field: 'state', 'value.state': 'closed' });
  assert.deepEqual([task.state, task.changed, task.failed], ['succeeded', 90, 0]);
  assert.ok((await app.rows(snapshot)).every(({ partition }) => partition === 'parcel_closed'));
  const undone = await app.undo(task);
  assert.deepEqual([undone.state, undone.changed], ['succeeded', 90]);
  assert.deepEqual(await app.rows(snapshot), before);
});

test('a table that others inherit from has their records too: edited and taken back, but for those whose id is there twice, which nothing changes', async (t) => {
  const app = await foundApp(
    t,
    `create table parent (id int primary key, name text);
     create table child (extra text, primary key (id)) inherits (parent);
     insert into parent select n, 'Parent ' || n from generate_series(1, 20) n;
     insert into child select n, 'Child ' || n, 'x' from generate_series(20, 40) n`,
  );
  const snapshot = 'select tableoid::regclass::text as t, * from parent order by id, 1';
  const before = await app.rows(snapshot);
  const list = (await app.admin.get('/parents?_size=100')).body;
  assert.match(list, /Child 30/);
  assert.match(list, /One whose id is there twice is not changed here\./);
  assert.equal((await app.admin.get('/children/30')).statusCode, 200);

  const task = await app.edit('parents', { field: 'name', 'value.name': 'Same' });
  assert.deepEqual([task.changed, task.gone], [39, 2]);
  const twice = before.filter(({ id }) => id === 20);
  const now = await app.rows(snapshot);
  assert.deepEqual(
    now.filter(({ id }) => id === 20),
    twice,
  );
  assert.equal(now.filter(({ name }) => name === 'Same').length, 39);
  assert.equal((await app.undo(task)).changed, 39);
  assert.deepEqual(await app.rows(snapshot), before);

  const form = formOf((await app.admin.get('/parents/20/edit')).body, 'record-form');
  const saved = await app.admin.post('/parents/20/edit', { ...form, name: 'Which?' });
  assert.notEqual(saved.statusCode, 303, saved.body);
  assert.ok(saved.statusCode < 500, saved.body);
  const gone = await app.remove('parents');
  assert.deepEqual([gone.changed, gone.gone], [39, 2]);
  assert.deepEqual(await app.rows(snapshot), twice);
  await assert.rejects(app.undo(gone), /child inherits from another here: it cannot be undone/);
});

const policies = `
  create table note (id serial primary key, owner text not null, text text not null);
  alter table note enable row level security;
  create policy mine on note for all to "ROLE" using (owner = 'me') with check (owner = 'me' and text <> 'forbidden');
  grant select, insert, update, delete on note to "ROLE"; grant usage on sequence note_id_seq to "ROLE";
  insert into note (owner, text) select (array['me', 'other'])[1 + n % 2], 'Note ' || n from generate_series(1, 100) n`;

test('row-level security holds for all that the role of the address does: lists, counts, saves, bulk work and its undo', async (t) => {
  const role = `bulkhead_policy_${process.pid}`;
  const app = await foundApp(t, policies.replaceAll('ROLE', role), { role });
  const others = `select * from note where owner <> 'me' order by id`;
  const before = await app.rows(others);
  assert.equal(before.length, 50);
  const list = (await app.admin.get('/notes')).body;
  assert.match(list, /of 50\b/);
  assert.doesNotMatch(list, />other</);
  assert.equal((await app.admin.get('/notes/1')).statusCode, 404);
  await workThrough(app, {
    slug: 'notes',
    record: '2',
    save: { text: 'Saved' },
    edit: { field: 'text', 'value.text': 'Same' },
    snapshot: 'select * from note order by id',
    changed: 50,
  });
  assert.deepEqual(await app.rows(others), before);
});

test('a record that a policy’s WITH CHECK refuses fails alone, with a reason', async (t) => {
  const role = `bulkhead_check_${process.pid}`;
  const app = await foundApp(
    t,
    `${policies.replaceAll('ROLE', role)};
     create policy odd on note as restrictive for update to "${role}" using (true) with check (id % 10 <> 0 or text not like 'Same%')`,
    { role },
  );
  const before = await app.rows('select * from note order by id');
  const task = await app.edit('notes', { field: 'text', 'value.text': 'Same' });
  assert.deepEqual([task.state, task.changed, task.failed], ['partial', 40, 10]);
  const refused = /new row violates row-level security policy &quot;odd&quot;/;
  assert.match((await app.admin.get(`/tasks/${task.id}`)).body, refused);
  const undone = await app.undo(task);
  assert.deepEqual([undone.state, undone.changed], ['succeeded', 40]);
  assert.deepEqual(await app.rows('select * from note order by id'), before);
  const form = formOf((await app.admin.get('/notes/10/edit')).body, 'record-form');
  const saved = await app.admin.post('/notes/10/edit', { ...form, text: 'Same' });
  assert.equal(saved.statusCode, 422);
  assert.match(saved.body, refused);
  const moved = await app.admin.post('/notes/2/edit', {
    ...formOf((await app.admin.get('/notes/2/edit')).body, 'record-form'),
    owner: 'other',
  });
  assert.equal(moved.statusCode, 422);
});
