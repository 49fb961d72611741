import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { findBroken, invariantsAtRest } from '../../testing/task-invariants.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { listAlterations } from '../running/alterations.ts';
import { startWorker } from '../worker/worker.ts';
import { undo } from './undo.ts';

const trigger = (name: string, when: string, table: string, body: string) => `
  create function ${name}() returns trigger language plpgsql as $$ begin ${body} end $$;
  create ${when.startsWith('constraint') ? `constraint trigger ${name} ${when.slice(11)}` : `trigger ${name} ${when}`} on ${table}
    ${when.startsWith('constraint') ? 'deferrable initially deferred' : ''} for each row execute function ${name}();`;

const place = 'gazetteer.city';
const ofCity = (field: string, isBeside = false) => ({ model: 'City', field, isBeside, count: 30 });

/** What stands in the table after the undo of an update of the notes, and what is said of it. */
const triggers: Record<
  string,
  { sql: string; notes: string; altered: readonly object[]; more?: string }
> = {
  'a BEFORE trigger that writes another value': {
    sql: trigger('shout', 'before update', place, 'new.notes := upper(new.notes); return new;'),
    notes: 'OLD',
    altered: [ofCity('notes')],
  },
  'an AFTER trigger that writes another value': {
    sql: trigger(
      'later',
      'after update',
      place,
      `if pg_trigger_depth() < 2 then update ${place} set notes = notes || '!' where id = new.id; end if; return null;`,
    ),
    notes: 'old!',
    altered: [ofCity('notes')],
  },
  'a trigger that waits for the end of the transaction': {
    sql: trigger(
      'at_end',
      'constraint after update',
      place,
      `if new.notes = 'old' then update ${place} set notes = 'end' where id = new.id; end if; return null;`,
    ),
    notes: 'end',
    altered: [ofCity('notes')],
  },
  'a trigger that writes a stamp that was put back': {
    sql: trigger('stamp', 'before update', place, `new.updated_at := '2020-01-01'; return new;`),
    notes: 'old',
    altered: [ofCity('updatedAt')],
  },
  'a trigger that writes another column': {
    sql: trigger(
      'count_up',
      'before update',
      place,
      'new.population := new.population + 1; return new;',
    ),
    notes: 'old',
    altered: [ofCity('population', true)],
  },
  'a trigger that writes nothing else': {
    sql: trigger('look', 'before update', place, 'perform 1; return new;'),
    notes: 'old',
    altered: [],
  },
};

for (const [name, { sql, notes, altered }] of Object.entries(triggers)) {
  test(`an undo says what was altered by ${name}`, async (t) => {
    const { db, connectionString, defer } = await testDatabase(t);
    const context = testContext(db, {}, { minAsyncRecords: 1, chunkSize: 7 });
    await insertPlaces(db, 30);
    await db.pages.query(`update ${place} set notes = 'old'`);
    const worker = await startWorker(context, { connectionString, concurrency: 2 });
    defer(() => worker.stop());
    const body = { field: 'notes', 'value.notes': 'new' };
    const { task } = await launchOn(
      context,
      context.registry.get('cities'),
      { kind: 'matching' },
      'update',
      body,
    );
    await finished(db, task.id);
    await db.pages.query(sql);
    const end = await finished(
      db,
      (await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null })).task.id,
    );
    const { rows } = await db.pages.query(
      `select notes, count(*)::int as places from ${place} group by notes`,
    );
    assert.deepEqual(rows, [{ notes, places: 30 }]);
    assert.deepEqual(
      [end.state, end.changed, end.altered],
      ['succeeded', 30, altered.length > 0 ? 30 : 0],
    );
    const found = (await listAlterations(db, end.id)).map(({ keys: _, ...group }) => group);
    assert.deepEqual(found, altered);
    assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
  });
}

test('what triggers of dependants make of a delete that is undone is named', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'torture' });
  const context = testContext(db, {}, { minAsyncRecords: 1, chunkSize: 7 }, tortureAdmin);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const ships = 'ships';
  const { task } = await launchOn(
    context,
    context.registry.get(ships),
    { kind: 'matching' },
    'delete',
    { acknowledge: 'yes' },
  );
  await finished(db, task.id);
  await db.pages.query(
    trigger(
      'deck_counts',
      'after insert',
      '"Odd-Schema".deck',
      `update torture."ships at sea" set name = name || '+' where "ship no" = new."of ship"; return null;`,
    ) +
      trigger(
        'cabin_class',
        'before insert',
        'torture.cabins',
        `new.code := new.code; return new;`,
      ),
  );
  await db.pages.query(
    trigger(
      'deck_plan',
      'before insert',
      '"Odd-Schema".deck',
      `if new."Level #" = 1 then new.plan := '{"by": "a trigger"}'; end if; return new;`,
    ),
  );
  const end = await finished(
    db,
    (await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null })).task.id,
  );
  assert.deepEqual([end.state, end.changed], ['succeeded', 40]);
  const { rows: expected } = await db.pages.query<{ ships: number; decks: number }>(
    `select (select count(*)::int from torture."ships at sea" where name like '%+') as ships,
       (select count(*)::int from "Odd-Schema".deck where plan::text = '{"by": "a trigger"}') as decks`,
  );
  const { ships: altered, decks } = expected[0] ?? assert.fail();
  assert.deepEqual([altered, decks], [30, 30]);
  assert.deepEqual(
    (await listAlterations(db, end.id)).map(({ model, field, isBeside, count }) => ({
      model,
      field,
      isBeside,
      count,
    })),
    [
      { model: 'Deck', field: 'plan', isBeside: false, count: decks },
      { model: 'Ship', field: 'name', isBeside: false, count: altered },
    ],
  );
  assert.equal(end.altered, altered + decks);
});

test('the page and the JSON of an undo name the records and the fields that triggers altered', async (t) => {
  const app = await testApp(t);
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
  });
  await insertPlaces(app.db, 3);
  const admin = await app.signIn('admin');
  await app.db.pages.query(`update ${place} set notes = 'old'`);
  const body = { field: 'notes', 'value.notes': 'new' };
  const { task } = await launchOn(
    app.context,
    app.context.registry.get('cities'),
    { kind: 'matching' },
    'update',
    body,
    admin.principal,
  );
  await app.db.pages.query(
    trigger(
      'shout',
      'before update',
      place,
      'new.notes := upper(new.notes); new.rating := 1; return new;',
    ),
  );
  const answer = await admin.post(
    `/tasks/${task.id}/undo`,
    { _op: randomUUID() },
    { accept: 'application/json' },
  );
  const { taskId } = answer.json();
  await finished(app.db, taskId);
  await worker.stop();
  const page = (await admin.get(`/tasks/${taskId}`)).body;
  assert.match(page, /3 altered by triggers/);
  assert.match(
    page,
    /Triggers of the database altered 3 records that came back: which, and in what, is named below/,
  );
  assert.match(page, /Notes is not what it was before\.[\s\S]*Place 1/);
  assert.match(page, /Rating was written besides; what it was before is not kept\./);
  const json = (await admin.get(`/tasks/${taskId}`, { accept: 'application/json' })).json();
  assert.deepEqual(
    [json.state, json.altered, json.alterations],
    [
      'succeeded',
      3,
      [
        { model: 'City', field: 'notes', isBeside: false, count: 3, records: ['1', '2', '3'] },
        { model: 'City', field: 'rating', isBeside: true, count: 3, records: ['1', '2', '3'] },
      ],
    ],
  );
  const plain = (await admin.get(`/tasks/${task.id}`, { accept: 'application/json' })).json();
  assert.deepEqual([plain.altered, plain.alterations], [0, []]);
});
