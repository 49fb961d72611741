import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openPool } from '../../db/pool.ts';
import { inlined, raw, sql } from '../../db/sql.ts';
import { listTaskChanges, readHistory } from '../../operations/journal/history.ts';
import { entriesOf } from '../../operations/journal/kept-images.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { keepByColumn } from '../../testing/image-form.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { findBroken, invariantsAtRest } from '../../testing/task-invariants.ts';
import { until } from '../../testing/until.ts';
import { cancel } from '../control/cancel.ts';
import { undo } from '../follow-ups/undo.ts';
import { getTask } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';
import { runSlice } from './run-slice.ts';

const all = { kind: 'matching', filter: '' } as const;
const isCall = (text: string) => text.startsWith('do ');
const archive = { field: 'status', 'value.status': 'archived' };

async function setUp(t: Parameters<typeof testDatabase>[0], places: number, chunkSize = 1_000) {
  const database = await testDatabase(t);
  await insertPlaces(database.db, places);
  const context = testContext(database.db, {}, { chunkSize });
  const cities = context.registry.get('cities');
  const { db, defer } = database;
  /** One slice on a connection of its own: what was sent, and the settings of the session afterwards. */
  const slice = async (taskId: number, beforeFirst: () => Promise<unknown> = async () => null) => {
    const pool = openPool({
      connectionString: db.connectionString,
      name: 'slice',
      max: 1,
      ownSessions: true,
    });
    defer(() => pool.end());
    const sent: string[] = [];
    const client = await pool.connect();
    const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
    Object.assign(client, {
      async query(...given: [string | { text: string }]) {
        const [first] = given;
        const text = typeof first === 'string' ? first : first.text;
        sent.push(text);
        if (isCall(text) && sent.filter(isCall).length === 1) await beforeFirst();
        return query(...given);
      },
    });
    client.release();
    await runSlice(
      context,
      { id: randomUUID(), pool, tokens: new Set(), backends: ['queue'], unknown: new Set() },
      taskId,
      new AbortController().signal,
    );
    const settings = (
      await pool.query(
        `select current_setting('statement_timeout') as statement, current_setting('enable_seqscan') as seqscan, current_setting('synchronous_commit') as commit`,
      )
    ).rows[0];
    return { calls: sent.filter(isCall), sent, settings };
  };
  return { ...database, context, cities, slice };
}

test('chunks are done one after the other within the server, each in a transaction of its own, and the session is left as it was', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 2_000, 100);
  await countWrites(db);
  await db.pages.query('alter table gazetteer.city add column written_by bigint');
  await db.pages.query(
    `create or replace function gazetteer.count_write() returns trigger language plpgsql as $$ begin new.writes := old.writes + 1; new.written_by := txid_current(); return new; end $$`,
  );
  const { task } = await launchOn(context, cities, all, 'update', archive);
  const { calls, sent, settings } = await slice(task.id);
  const { state, changed, chunkCount } = await finished(db, task.id, 0);
  assert.deepEqual([state, changed], ['succeeded', 2_000]);
  assert.ok(calls.length > 0 && calls.length < chunkCount / 2, `${calls.length} of ${chunkCount}`);
  assert.equal(sent.filter((text) => text.startsWith('with next as')).length, 0);
  const { rows } = await db.pages.query<{ writes: number; count: number; transactions: number }>(
    'select writes, count(*)::int as count, count(distinct written_by)::int as transactions from gazetteer.city group by 1',
  );
  assert.deepEqual(rows, [{ writes: 1, count: 2_000, transactions: chunkCount }]);
  assert.deepEqual(settings, { statement: '0', seqscan: 'on', commit: 'off' });
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('a commit that others follow is waited for only where a trigger has a part in it', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 300, 100);
  await db.pages.query(
    `create table public.commits (at text, setting text); alter database ${new URL(db.connectionString).pathname.slice(1)} set synchronous_commit = 'on'`,
  );
  // Of a table of ours, which is written in every chunk: whether the commit that follows is waited for.
  await db.pages.query(`
    create function public.note() returns trigger language plpgsql as $$ begin
      insert into public.commits values (new.state, current_setting('synchronous_commit')); return null; end $$;
    create trigger note after update on ${db.t.task} for each row when (old.chunks_done <> new.chunks_done) execute function public.note();
  `);
  const noted = async () => {
    const { rows } = await db.pages.query<{ at: string; setting: string }>(
      `select distinct at, setting from public.commits where at = 'running'`,
    );
    await db.pages.query('truncate public.commits');
    return rows.map(({ at, setting }) => `${at}: ${setting}`);
  };
  const first = await launchOn(context, cities, all, 'update', archive);
  await slice(first.task.id);
  assert.deepEqual(await noted(), ['running: off']);

  await db.pages.query(`
    create function public.beside() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger beside after update on gazetteer.city for each statement execute function public.beside();
  `);
  const second = await launchOn(context, cities, all, 'update', {
    field: 'status',
    'value.status': 'draft',
  });
  await slice(second.task.id);
  assert.deepEqual(await noted(), ['running: on']);
});

test('a chunk in which a record is gone, equal or refused is done by round trips, and the next ones within the server', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 1_000, 100);
  await db.pages.query(
    `alter table gazetteer.city add constraint some_refused check (id % 400 <> 0 or status = 'draft'); update gazetteer.city set status = 'archived' where id = 150`,
  );
  const { task } = await launchOn(context, cities, all, 'update', archive);
  const { calls } = await slice(task.id, () =>
    db.pages.query('delete from gazetteer.city where id in (250, 251)'),
  );
  const { state, changed, unchanged, gone, failed } = await finished(db, task.id, 0);
  assert.deepEqual(
    { state, changed, unchanged, gone, failed },
    { state: 'partial', changed: 995, unchanged: 1, gone: 2, failed: 2 },
  );
  assert.ok(calls.length >= 3, String(calls.length));
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('an undo, and the undo of a delete, go within the server, and put back what was there', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 500, 100);
  await db.pages.query(
    `update gazetteer.city set alt_name = 'Ä "' || id || '" \\', rating = id / 100.0, notes = case when id % 3 = 0 then 'n' end`,
  );
  await db.pages.query(
    `insert into gazetteer."_CityToTag" select id, 1 + id % 3 from gazetteer.city where id % 5 = 0`,
  );
  const read = async () =>
    (
      await db.pages.query(
        `select to_jsonb(t) - 'updated_at' as city, array(select "B" from gazetteer."_CityToTag" where "A" = id order by 1) as tags from gazetteer.city t order by id`,
      )
    ).rows;
  const before = await read();
  for (const [operation, body] of [
    ['update', archive],
    ['delete', { acknowledge: 'yes' }],
  ] as const) {
    const { task } = await launchOn(context, cities, all, operation, body);
    assert.ok((await slice(task.id)).calls.length > 0, operation);
    const back = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
    assert.ok((await slice(back.task.id)).calls.length > 0, `undo of ${operation}`);
    assert.equal((await finished(db, back.task.id, 0)).changed, 500, operation);
    assert.deepEqual(await read(), before, operation);
  }
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('a delete is undone, done again and undone within the server: of every second record, over a column that the database makes, and in both forms of images', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 400, 100);
  await db.pages.query(
    `alter table gazetteer.city add column shout text generated always as (upper(name)) stored, add column besides int[] default '{1,null}'`,
  );
  const everySecond = Array.from({ length: 200 }, (_, index) =>
    String(index * 2 + 1).padStart(20, '0'),
  );
  const count = async () =>
    (await db.pages.query(`select count(*)::int as n from gazetteer.city`)).rows[0].n;
  const before = (
    await db.pages.query('select to_jsonb(t) as city from gazetteer.city t order by id')
  ).rows;
  for (const isSo of [true, false]) {
    await keepByColumn(db, isSo);
    const { task } = await launchOn(context, cities, all, 'delete', { acknowledge: 'yes' });
    await slice(task.id);
    const takeBack = async (id: number, chosen: string[] | null) => {
      const back = await undo(context, ada, id, { operationId: randomUUID(), chosen });
      const { sent } = await slice(back.task.id);
      const { state, changed } = await finished(db, back.task.id, 0);
      const trips = sent.filter((text) => text.startsWith('with next as')).length;
      return { id: back.task.id, trips, state, changed };
    };
    const some = await takeBack(task.id, everySecond);
    assert.deepEqual([some.state, some.changed, some.trips], ['succeeded', 200, 0]);
    const again = await takeBack(some.id, null);
    assert.deepEqual([again.state, again.changed], ['succeeded', 200]);
    assert.equal(await count(), 0);
    const back = await takeBack(again.id, null);
    assert.deepEqual([back.state, back.changed, back.trips], ['succeeded', 200, 0]);
    const rest = await takeBack(
      task.id,
      before.map((_, at) => String(at + 1).padStart(20, '0')).filter((_, at) => at % 2 === 1),
    );
    assert.deepEqual([rest.state, rest.changed], ['succeeded', 200]);
    assert.deepEqual(
      (await db.pages.query('select to_jsonb(t) as city from gazetteer.city t order by id')).rows,
      before,
    );
  }
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('an undo within the server leaves what was edited since, and does the rest', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 1_000, 100);
  const { task } = await launchOn(context, cities, all, 'update', archive);
  await slice(task.id);
  await db.pages.query(
    `update gazetteer.city set status = 'published' where id = 150; update gazetteer.city set updated_at = '2001-01-01' where id = 350; update gazetteer.city set status = 'draft' where id = 550`,
  );
  const back = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
  assert.ok((await slice(back.task.id)).calls.length > 0);
  const { changed, unchanged, failed } = await finished(db, back.task.id, 0);
  assert.deepEqual({ changed, unchanged, failed }, { changed: 998, unchanged: 1, failed: 1 });
  const { rows } = await db.pages.query(
    `select status, count(*)::int as n from gazetteer.city group by 1 order by 1`,
  );
  assert.deepEqual(rows, [
    { status: 'draft', n: 999 },
    { status: 'published', n: 1 },
  ]);
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('what a task did is taken back as the table has it, not as the schema says', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 200, 100);
  await db.pages.query(`
    create type gazetteer.code as enum ('a', 'b');
    update gazetteer.city set admin_code = case when id % 2 = 0 then 'a' else 'b' end, alt_name = '{"n": 1}';
    alter table gazetteer.city alter admin_code type gazetteer.code using admin_code::gazetteer.code, alter alt_name type jsonb using alt_name::jsonb,
      add padded char(5) default 'ab', add bits bit(4) default '0101', add varied varbit default '011', add money money default 12.5, add often interval default '1 day';
  `);
  const read = async () =>
    (await db.pages.query('select to_jsonb(t) as city from gazetteer.city t order by id')).rows;
  const before = await read();
  const { task } = await launchOn(context, cities, all, 'delete', { acknowledge: 'yes' });
  await slice(task.id);
  const back = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
  assert.ok((await slice(back.task.id)).calls.length > 0);
  const { state, changed } = await finished(db, back.task.id, 0);
  assert.deepEqual([state, changed], ['succeeded', 200]);
  assert.deepEqual(await read(), before);
});

test('where an id is there twice, each image stands with its record, and what exists again is not made twice', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 300, 100);
  await db.pages.query(
    'alter table gazetteer.city drop constraint city_pkey cascade; create index on gazetteer.city (id)',
  );
  const { task } = await launchOn(context, cities, all, 'update', archive);
  await slice(task.id, () =>
    db.pages.query(
      `delete from gazetteer.city where id = 250; insert into gazetteer.city select * from gazetteer.city where id = 1`,
    ),
  );
  await finished(db, task.id, 0);
  const { rows } = await db.pages.query<{ key: string }>(
    `select distinct key::int as key from ${db.t.change}, unnest(keys) key where key::int = 250`,
  );
  assert.deepEqual(rows, []);

  await db.pages.query(
    'delete from gazetteer.city where ctid = (select max(ctid) from gazetteer.city where id = 1)',
  );
  const deleted = await launchOn(context, cities, all, 'delete', { acknowledge: 'yes' });
  await slice(deleted.task.id);
  await db.pages.query(
    `insert into gazetteer.city (id, name, country_code, feature_code, population, latitude, longitude, updated_at) select 7, 'again', 'ESP', 'PPL', 1, 1, 1, now()`,
  );
  const back = await undo(context, ada, deleted.task.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  await slice(back.task.id);
  const { changed, failed } = await finished(db, back.task.id, 0);
  assert.deepEqual({ changed, failed }, { changed: 298, failed: 1 });
  const { rows: seventh } = await db.pages.query('select name from gazetteer.city where id = 7');
  assert.deepEqual(seventh, [{ name: 'again' }]);
});

test('a column that is added while records are deleted is kept too', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 300, 100);
  const { task } = await launchOn(context, cities, all, 'delete', { acknowledge: 'yes' });
  const { calls } = await slice(task.id, () =>
    db.pages.query(`alter table gazetteer.city add column planted text default 'there'`),
  );
  assert.ok(calls.length > 0);
  assert.equal((await finished(db, task.id, 0)).changed, 300);
  const { rows } = await db.pages.query(
    inlined(
      sql`select distinct entry.before ->> 'planted' as planted from ${raw(db.t.change)} change ${entriesOf('change', null)}`,
    ),
  );
  assert.deepEqual(rows, [{ planted: 'there' }]);
});

test('four runners that go within the server end soon after a cancel', async (t) => {
  const { db, context, cities, connectionString, defer } = await setUp(t, 20_000, 500);
  await countWrites(db);
  await db.pages.query(
    `create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.0005); return null; end $$;
     create trigger dawdle after update on gazetteer.city for each row execute function gazetteer.dawdle();`,
  );
  const four = { ...cities, parallelism: 4 };
  const worker = await startWorker(context, { connectionString, concurrency: 4 });
  defer(() => worker.stop());
  const { task } = await launchOn(context, four, all, 'update', archive);
  const slots = async () =>
    (
      await db.pages.query<{ count: number }>(
        `select count(*)::int as count from ${db.t.task_slot} where task_id = $1`,
        [task.id],
      )
    ).rows[0]?.count;
  await until(async () => (await slots()) === 4 && (await getTask(context, ada, task.id)).done > 0);
  await cancel(context, ada, task.id);
  const ended = await finished(db, task.id, 30_000);
  assert.equal(ended.state, 'cancelled');
  const { rows } = await db.pages.query(
    'select writes, count(*)::int as n from gazetteer.city group by 1 order by 1',
  );
  assert.deepEqual(rows, [
    { writes: 0, n: 20_000 - ended.changed },
    { writes: 1, n: ended.changed },
  ]);
  assert.deepEqual(await findBroken(db, invariantsAtRest(db)), []);
});

test('images are kept as code of before reads them until a day after it was replaced, and read alike', async (t) => {
  const { db, context, cities, slice } = await setUp(t, 300, 100);
  const change = async (operation: 'update' | 'delete', body: Record<string, unknown>) => {
    const { task } = await launchOn(context, cities, all, operation, body);
    assert.ok((await slice(task.id)).calls.length > 0);
    const { rows } = await db.pages.query<{ form: string }>(
      `select distinct jsonb_typeof(before) as form from ${db.t.change} where task_id = $1`,
      [task.id],
    );
    const { entries } = await readHistory(db, cities, String(150).padStart(20, '0'), null);
    const [{ kind, values } = { kind: null, values: null }] = entries;
    const shown = values?.map(({ field, before, after }) => [field.name, before, after]);
    const { changes } = await listTaskChanges(db, cities, task.id, { after: '', limit: 3 });
    const back = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
    await slice(back.task.id);
    assert.equal((await finished(db, back.task.id, 0)).changed, 300);
    const listed = changes.map(({ key, title, values: of }) => [key, title, of?.length]);
    return { form: rows, read: { kind, shown, listed } };
  };
  for (const [operation, body] of [
    ['update', archive],
    ['delete', { acknowledge: 'yes' }],
  ] as const) {
    await keepByColumn(db, true);
    const byColumn = await change(operation, body);
    await keepByColumn(db, false);
    const inLists = await change(operation, body);
    assert.deepEqual([byColumn.form, inLists.form], [[{ form: 'object' }], [{ form: 'array' }]]);
    assert.deepEqual(byColumn.read, inLists.read);
    assert.ok(byColumn.read.shown && byColumn.read.shown.length > 0);
  }
});
