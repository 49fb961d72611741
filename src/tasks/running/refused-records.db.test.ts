import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { startWorker } from '../worker/worker.ts';
import { keepFailures } from './failures.ts';

const body = { field: 'notes', 'value.notes': 'changed' };

async function setUp(
  t: Parameters<typeof testDatabase>[0],
  places: number,
  options: { chunkSize?: number; isDeferred?: boolean } = {},
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, { chunkSize: options.chunkSize ?? 500 });
  await insertPlaces(db, places);
  const run = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
  };
  const launchAll = (isAtomic = false) => launchAtomic(context, isAtomic);
  return { db, context, run, launchAll };
}

async function launchAtomic(
  context: ReturnType<typeof testContext>,
  isAtomic: boolean,
): Promise<number> {
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  if (isAtomic)
    await context.db.pages.query(`update ${context.db.t.task} set is_atomic = true where id = $1`, [
      task.id,
    ]);
  return task.id;
}

const named = (db: Awaited<ReturnType<typeof setUp>>['db'], taskId: number) =>
  db.pages
    .query<{ code: string; field: string | null; key: number }>(
      `select code, field, key::int from ${db.t.task_failure} cross join unnest(keys) key where task_id = $1 order by key`,
      [taskId],
    )
    .then(({ rows }) => rows);

test('one record that the database refuses does not poison the rest of its chunk', async (t) => {
  const { db, run, launchAll } = await setUp(t, 2_000);
  await db.pages.query(
    `alter table gazetteer.city add constraint city_notes_check check (id % 97 <> 0 or notes is null) not valid`,
  );
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  const refused = Array.from({ length: 20 }, (_, index) => (index + 1) * 97);
  assert.deepEqual(
    [end.state, end.reason, end.failed, end.changed, end.done],
    ['partial', 'records-refused', 20, 1_980, 2_000],
  );
  assert.deepEqual(
    await named(db, id),
    refused.map((key) => ({ code: '23514:city_notes_check', field: 'notes', key })),
  );
  const { rows } = await db.pages.query(
    `select array_agg(id order by id) as ids from gazetteer.city where notes is null`,
  );
  assert.deepEqual(rows[0].ids, refused);
});

test('a deferred constraint is the fault of its record, not of the commit', async (t) => {
  const { db, run, launchAll } = await setUp(t, 1_000);
  await db.pages.query(`
    create function gazetteer.refuse() returns trigger language plpgsql as $$
      begin if new.id in (7, 700) then raise exception 'not this one'; end if; return null; end $$;
    create constraint trigger refuse_later after update on gazetteer.city deferrable initially deferred
      for each row execute function gazetteer.refuse();
  `);
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  assert.deepEqual([end.state, end.failed, end.changed], ['partial', 2, 998]);
  assert.deepEqual(
    (await named(db, id)).map(({ code, key }) => [code, key]),
    [
      ['P0001', 7],
      ['P0001', 700],
    ],
  );
});

test('what a trigger raises with a code of its own is the fault of its record', async (t) => {
  const { db, run, launchAll } = await setUp(t, 1_000);
  await db.pages.query(`
    create function gazetteer.refuse() returns trigger language plpgsql as $$
      begin
        if new.id = 7 then raise exception 'not this one' using errcode = 'UH001'; end if;
        if new.id = 700 then assert false, 'nor this one'; end if;
        return new;
      end $$;
    create trigger refuse before update on gazetteer.city for each row execute function gazetteer.refuse();
  `);
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  assert.deepEqual([end.state, end.failed, end.changed], ['partial', 2, 998]);
  assert.deepEqual((await named(db, id)).map(({ code, key }) => [code, key]).sort(), [
    ['P0004', 700],
    ['UH001', 7],
  ]);
});

test('a task of which more than half of the first 1,000 are refused stops itself, and says failed', async (t) => {
  const { db, run, launchAll } = await setUp(t, 10_000);
  await db.pages.query(
    `alter table gazetteer.city add constraint city_notes_check check (id % 3 = 0 or notes is null) not valid`,
  );
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  assert.deepEqual([end.state, end.reason], ['failed', 'too-many-refused']);
  assert.ok(end.done >= 1_000 && end.done < 5_000, String(end.done));
  assert.match(end.message ?? '', /stopped itself: [\d,]+ of [\d,]+ records were refused/);
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where notes = 'changed'`,
  );
  assert.equal(rows[0].n, end.changed);
});

test('all or nothing: one refused record leaves every other as it was, and is named', async (t) => {
  const { db, run, launchAll } = await setUp(t, 3_000);
  await db.pages.query(
    `alter table gazetteer.city add constraint city_notes_check check (id <> 2999 or notes is null) not valid`,
  );
  const id = await launchAll(true);
  await run();
  const end = await finished(db, id);
  assert.deepEqual(
    [end.state, end.reason, end.changed, end.failed],
    ['failed', 'records-refused', 0, 1],
  );
  assert.deepEqual(
    (await named(db, id)).map(({ key }) => key),
    [2_999],
  );
  const { rows } = await db.pages.query(
    'select count(*)::int as n from gazetteer.city where notes is not null',
  );
  assert.equal(rows[0].n, 0);
});

test('the store of reasons is bounded, whatever a trigger says; every record is still named', async (t) => {
  const { db, run, launchAll } = await setUp(t, 900, { chunkSize: 300 });
  await db.pages.query(`
    create function gazetteer.refuse() returns trigger language plpgsql as $$
      begin
        raise exception using errcode = 'P0001', constraint = 'reason ' || new.id, message = repeat('long ', 1000);
      end $$;
    create trigger refuse before update on gazetteer.city for each row execute function gazetteer.refuse();
  `);
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  assert.deepEqual([end.state, end.failed], ['failed', 900]);
  const { rows } = await db.pages.query(
    `select count(*)::int as rows, sum(cardinality(keys))::int as keys, max(length(message)) as longest from ${db.t.task_failure} where task_id = $1`,
    [id],
  );
  assert.equal(rows[0].keys, 900);
  assert.ok(rows[0].rows <= 21 * end.chunkCount, String(rows[0].rows));
  assert.ok(rows[0].longest <= 500, String(rows[0].longest));
});

test('a task keeps 2,000 reasons apart and no more, however many chunks it has', async (t) => {
  const { db, launchAll } = await setUp(t, 20);
  const id = await launchAll();
  const reasonsOf = (chunk: number) =>
    Array.from({ length: 20 }, (_, at) => ({
      code: `P0001:${chunk} ${at}`,
      message: 'no',
      keys: [`${chunk} ${at}`],
    }));
  for (let chunk = 0; chunk < 120; chunk++)
    await keepFailures(db.pages, db.t, id, chunk, { refusals: reasonsOf(chunk), conflicts: [] });
  const { rows } = await db.pages.query(
    `select count(*)::int as rows, count(distinct code)::int as reasons, sum(cardinality(keys))::int as keys from ${db.t.task_failure} where task_id = $1`,
    [id],
  );
  assert.deepEqual(rows[0], { rows: 2_020, reasons: 2_001, keys: 2_400 });
});

test('records that would break a check are tried alone at once, and one that a trigger makes right is changed', async (t) => {
  const { db, run, launchAll } = await setUp(t, 1_000, { chunkSize: 1_000 });
  await db.pages.query(`
    alter table gazetteer.city add constraint city_notes_check check (id % 10 <> 0 or notes is null or notes = 'mended') not valid;
    create function gazetteer.mend() returns trigger language plpgsql as $$
      begin if new.id = 500 then new.notes := 'mended'; end if; return new; end $$;
    create trigger mend before update on gazetteer.city for each row execute function gazetteer.mend();
    create sequence gazetteer.attempts;
    create function gazetteer.count_attempt() returns trigger language plpgsql as $$ begin perform nextval('gazetteer.attempts'); return new; end $$;
    create trigger b_count before update on gazetteer.city for each row execute function gazetteer.count_attempt();
  `);
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  assert.deepEqual([end.state, end.failed, end.changed], ['partial', 99, 901]);
  const keys = (await named(db, id)).map(({ key }) => key);
  assert.ok(!keys.includes(500) && keys.includes(490), String(keys));
  const { rows } = await db.pages.query<{ count: number }>(
    'select last_value::int as count from gazetteer.attempts',
  );
  // Each record once, and those up to the first refused one of whoever tried them all at once.
  assert.ok((rows[0]?.count ?? 0) <= 1_000 + 2 * 20, JSON.stringify(rows));
});

test('a check that cannot be asked of what is there is no reason for another outcome', async (t) => {
  const { db, run, launchAll } = await setUp(t, 400);
  // It is told apart by what is asked of it alone.
  await db.pages.query(`
    create function gazetteer.is_fine(text, int) returns boolean language plpgsql as $$
      begin if current_query() like '%edited where%' then raise exception 'not asked so' using errcode = 'XX000'; end if; return $2 % 50 <> 0; end $$;
    alter table gazetteer.city add constraint city_notes_check check (gazetteer.is_fine(notes, id)) not valid;
  `);
  const id = await launchAll();
  await run();
  const end = await finished(db, id);
  assert.deepEqual([end.state, end.failed, end.changed], ['partial', 8, 392]);
});
