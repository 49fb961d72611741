import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import type { Principal } from '../auth/principal.ts';
import { defineResource } from '../index.ts';
import { actions } from '../resources/actions.ts';
import type { ResourceField } from '../resources/contract.ts';
import { undo } from '../tasks/follow-ups/undo.ts';
import { saveContextOf } from '../tasks/launching/save-context.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { ada, eve, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { createRecord, deleteRecord, updateRecord } from './save-record.ts';

const key = (id: number) => String(id).padStart(20, '0');
const keysTo = (count: number) => Array.from({ length: count }, (_, index) => key(index + 1));
const matching = { kind: 'matching' as const };

/** Eve may do everything with drafts of up to 100 people, Ada with all. */
const rules = { isBroken: false };
const admin = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', {
      permissions: () => actions,
      fields: { notes: { change: ({ id }) => id === ada.id || !rules.isBroken } },
      scope: ({ id }: Principal) =>
        id === ada.id ? {} : { status: 'draft', population: { lte: 100 } },
    }),
    defineResource(metadata, 'Country', { permissions: () => actions }),
    defineResource(metadata, 'Tag', {
      permissions: () => actions,
      scope: ({ id }) => (id === ada.id ? {} : { name: { not: 'capital' } }),
    }),
  ],
};

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 120);
  rules.isBroken = false;
  const context = testContext(db, {}, { chunkSize: 10 }, admin);
  const work = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
  };
  const count = async (where: string) =>
    (
      await db.pages.query<{ count: number }>(
        `select count(*)::int as count from gazetteer.city where ${where}`,
      )
    ).rows[0]?.count;
  return { db, context, work, count, mine: context.registry.for(eve, 'cities') };
}

test('a change that would move records out of the scope is refused, in a task and within a request', async (t) => {
  const { context, db, work, count, mine } = await setUp(t);
  const body = { field: 'status', 'value.status': 'published' };
  await assert.rejects(launchOn(context, mine, { keys: keysTo(3) }, 'update', body, eve), {
    code: 'refused',
    status: 422,
  });
  assert.equal(await count(`status = 'published'`), 0);
  const { task } = await launchOn(context, mine, matching, 'update', body, eve);
  await work();
  const { state, failed, changed } = await finished(db, task.id);
  assert.deepEqual([failed, changed], [100, 0], state);
  assert.equal(await count(`status = 'published'`), 0);
});

test('records that would stay in the scope are changed, those that would leave it are refused by name', async (t) => {
  const { context, db, work, count, mine } = await setUp(t);
  await db.pages.query(`create function gazetteer.publish() returns trigger language plpgsql as $$
    begin if new.population % 10 = 0 then new.status := 'published'; end if; return new; end $$`);
  await db.pages.query(
    'create trigger publish before update on gazetteer.city for each row execute function gazetteer.publish()',
  );
  const { task } = await launchOn(
    context,
    mine,
    matching,
    'update',
    { field: 'rating', 'value.rating': '3.5' },
    eve,
  );
  await work();
  const { failed, changed } = await finished(db, task.id);
  assert.deepEqual([failed, changed], [10, 90]);
  assert.equal(await count('rating is not null'), 90);
  const { rows } = await db.pages.query<{ message: string }>(
    `select distinct message from ${db.t.task_failure}`,
  );
  assert.deepEqual(
    rows.map(({ message }) => message),
    ['With these values the city would no longer be yours to see.'],
  );
});

test('a record that leaves the scope after it was chosen is left alone', async (t) => {
  const { context, db, work, count, mine } = await setUp(t);
  const { task } = await launchOn(
    context,
    mine,
    matching,
    'update',
    { field: 'rating', 'value.rating': '3.5' },
    eve,
  );
  await db.pages.query(`create function gazetteer.leave() returns trigger language plpgsql as $$
    begin update gazetteer.city set population = 1000 where id between 91 and 95; return null; end $$`);
  await db.pages.query(
    `create trigger leave after update of state on ${db.t.chunk} for each statement execute function gazetteer.leave()`,
  );
  await work();
  const { changed, gone } = await finished(db, task.id);
  assert.deepEqual([changed, gone], [95, 5]);
  assert.equal(await count('rating is not null and population > 100'), 0);
});

test('a delete takes nothing that is out of the scope', async (t) => {
  const { context, db, work, count, mine } = await setUp(t);
  const { task } = await launchOn(
    context,
    mine,
    { keys: keysTo(120) },
    'delete',
    { acknowledge: 'yes' },
    eve,
  );
  await work();
  assert.equal((await finished(db, task.id)).changed, 100);
  assert.equal(await count('true'), 20);
});

test('a task whose principal may no longer change the field ends before its first write', async (t) => {
  const { context, db, work, count, mine } = await setUp(t);
  const { task } = await launchOn(
    context,
    mine,
    matching,
    'update',
    { field: 'notes', 'value.notes': 'mine' },
    eve,
  );
  rules.isBroken = true;
  await work();
  const { state, reason } = await finished(db, task.id);
  assert.deepEqual([state, reason], ['failed', 'forbidden']);
  assert.equal(await count('notes is not null'), 0);
});

test('an undo whose principal may no longer change the field ends before its first write', async (t) => {
  const { context, db, work, count, mine } = await setUp(t);
  const body = { field: 'notes', 'value.notes': 'mine' };
  const done = await launchOn(context, mine, { keys: keysTo(3) }, 'update', body, eve);
  const { task } = await undo(context, eve, done.task.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  rules.isBroken = true;
  await work();
  const { state, reason } = await finished(db, task.id);
  assert.deepEqual([state, reason], ['failed', 'forbidden']);
  assert.equal(await count(`notes = 'mine'`), 3);
});

test('links to records outside the scope are cut by no replacing', async (t) => {
  const { context, db, mine } = await setUp(t);
  const { rows } = await db.pages.query<{ id: number; name: string }>(
    'select id, name from gazetteer.tag order by name',
  );
  const idOf = (name: string) => String(rows.find((tag) => tag.name === name)?.id);
  await db.pages.query(
    `insert into gazetteer."_CityToTag" values (1, ${idOf('capital')}), (1, ${idOf('port')})`,
  );
  const replacing = { field: 'tags', 'change.tags': 'replace', 'value.tags': [idOf('island')] };
  await assert.rejects(
    launchOn(context, mine, { keys: [key(1)] }, 'update', replacing, eve),
    (error: { details?: { fieldErrors?: object } }) =>
      /not yours to see/.test(JSON.stringify(error.details?.fieldErrors)),
  );
  const unseen = { field: 'tags', 'change.tags': 'remove', 'value.tags': [idOf('capital')] };
  await assert.rejects(launchOn(context, mine, { keys: [key(1)] }, 'update', unseen, eve), {
    code: 'invalid-operation',
  });
  await launchOn(
    context,
    mine,
    { keys: [key(1)] },
    'update',
    { field: 'tags', 'change.tags': 'add', 'value.tags': [idOf('island')] },
    eve,
  );
  const linked = await db.pages.query<{ name: string }>(
    `select name from gazetteer."_CityToTag" j join gazetteer.tag on tag.id = j."B" where j."A" = 1 order by name`,
  );
  assert.deepEqual(
    linked.rows.map(({ name }) => name),
    ['capital', 'island', 'port'],
  );
});

test('a form cannot make a record, nor move one, where its writer does not see it', async (t) => {
  const { context, mine, count } = await setUp(t);
  const saving = saveContextOf(context, mine, eve);
  const field = (name: string) =>
    mine.form.find((candidate) => candidate.name === name) as ResourceField;
  const moved = updateRecord(saving, key(1), () => new Map([[field('population'), 5_000]]));
  await assert.rejects(moved, { code: 'outside-scope', status: 422 });
  const values = {
    name: 'New',
    country: 'ESP',
    featureCode: 'PPL',
    population: 5_000,
    latitude: 0,
    longitude: 0,
  };
  const made = createRecord(
    saving,
    new Map(Object.entries(values).map(([name, value]) => [field(name), value])),
  );
  await assert.rejects(made, { code: 'outside-scope', status: 422 });
  await assert.rejects(
    updateRecord(saving, key(110), () => new Map([[field('population'), 5]])),
    { status: 404 },
  );
  await assert.rejects(deleteRecord(saving, key(110)), { status: 404 });
  assert.equal(await count('population > 100 or population = 5'), 21);
});
