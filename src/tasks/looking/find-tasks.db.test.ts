import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '../../db/database.ts';
import { keyOf } from '../../metadata/keys.ts';
import { ada, eve, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';
import { type TaskState, taskStates } from '../states.ts';
import { countTasks, listTasks, type TaskSearch } from './find-tasks.ts';

const worker = '00000000-0000-4000-8000-0000000000ff';
const ended = `'{succeeded,partial,failed,cancelled}'::text[]`;

/** Tasks of everything that is filtered by, each as often as the others or seldom. */
async function insertTasks(db: Database, count: number): Promise<void> {
  const { t, pages } = db;
  await pages.query(
    `insert into ${t.task} (kind, resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, reason, message, queue, parent_id, created_at, finished_at)
     select case when n % 38 = 0 then 'own' else 'bulk' end,
       case when n % 38 = 0 then null when n % 97 = 1 then 'tags' when n % 89 = 1 then 'languages' else 'cities' end,
       case when n % 38 = 0 then null else 'City' end, 'op', 'Title ' || n, 'queue',
       case when n % 83 = 0 then $3 else $2 end::text, case when n % 83 = 0 then 'Eve' else 'Ada' end, '{}', '{}', case when n % 38 > 0 then '{}'::jsonb end, state,
       case when state = 'failed' and n % 5 = 0 then 'too-slow' when state = 'failed' then 'error' end, case when n % 101 = 0 then 'It said 100%_Odd' end,
       case when n % 76 = 0 then 'mail' else 'default' end, case when n % 71 = 0 then 7 end,
       timestamptz '2026-01-01 00:00Z' + n * interval '1 hour',
       case when state = any(${ended}) then timestamptz '2026-03-01 00:00Z' - n * interval '1 minute' end
     from (select n, case when n % 53 = 0 then 'running' when n % 59 = 0 then 'queued' when n % 61 = 0 then 'partial' when n % 31 = 0 then 'failed'
         when n % 67 = 0 then 'cancelled' else 'succeeded' end as state from generate_series(1, $1::int) n) numbered`,
    [count, ada.id, eve.id],
  );
  await pages.query(
    `insert into ${t.schedule} (name, cron, time_zone) values ('nightly', '0 0 * * *', 'UTC')`,
  );
  await pages.query(
    `insert into ${t.schedule_run} (schedule, due_at, state, task_id) select 'nightly', now() + n * interval '1 s', 'launched', n * 40 from generate_series(1, $1::int / 40) n`,
    [count],
  );
  await pages.query(
    `insert into ${t.task_slot} (task_id, slot, worker_id, token) select id, 0, $1, gen_random_uuid() from ${t.task} where state = 'running' and id % 2 = 0`,
    [worker],
  );
  await pages.query(
    `update ${t.task} set acknowledged_at = now(), acknowledged_by = '{"id":"x","name":"Ada"}' where id % 122 = 0`,
  );
}

/** Each filter, and the same in SQL that does not know of it. */
const filters: Record<string, [search: TaskSearch, sql: string]> = {
  kind: [{ kind: 'own' }, `kind = 'own'`],
  resource: [{ resource: 'tags' }, `resource = 'tags'`],
  person: [{ person: 'eVE' }, `principal_name = 'Eve'`],
  reason: [{ reason: 'too-slow' }, `reason = 'too-slow'`],
  queue: [{ queue: 'mail' }, `queue = 'mail' and kind = 'own'`],
  'queue of bulk work': [{ queue: 'bulk' }, `kind = 'bulk'`],
  'seen to by nobody': [{ isAcknowledged: false }, `coalesce(id % 122 <> 0, true)`],
  'seen to by somebody': [{ isAcknowledged: true }, `id % 122 = 0`],
  worker: [
    { worker },
    `id in (select task_id from bulkhead.task_slot where worker_id = '${worker}')`,
  ],
  schedule: [
    { schedule: 'nightly' },
    `exists (select from bulkhead.schedule_run run where run.task_id = task.id and run.schedule = 'nightly')`,
  ],
  parent: [{ parent: 7 }, 'parent_id = 7'],
  from: [{ from: new Date('2026-01-08T03:00Z') }, `created_at >= '2026-01-08 03:00Z'`],
  until: [{ until: new Date('2026-01-03T04:00Z') }, `created_at < '2026-01-03 04:00Z'`],
  'a text of the title': [{ text: 'tITLE 20' }, `title ~* 'title 20'`],
  'a text of the message': [{ text: '100%_odd' }, `id % 101 = 0`],
  'a number': [{ text: '#31' }, `id = 31 or title like '%#31%'`],
  'several at once': [
    { kind: 'bulk', person: 'Ada', from: new Date('2026-01-05T00:00Z') },
    `kind = 'bulk' and principal_name = 'Ada' and created_at >= '2026-01-05'`,
  ],
};

test('each filter, in each order, finds what SQL finds, and counts it', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db);
  await insertTasks(db, 600);
  const idsBySql = async (sql: string, order: string) => {
    const { rows } = await db.pages.query<{ id: number; state: TaskState }>(
      `select id, state from bulkhead.task where ${sql} order by ${order}`,
    );
    return rows;
  };
  const orders = {
    newest: 'id desc',
    oldest: 'id',
    ended: 'finished_at desc nulls last, id desc',
  } as const;
  for (const [name, [search, sql]] of Object.entries(filters)) {
    for (const [sort, order] of Object.entries(orders) as ['newest', string][]) {
      const rows = await idsBySql(sql, order);
      assert.ok(rows.length > 0 && rows.length < 600, `${name}: some match, and others do not`);
      const { tasks } = await listTasks(context, ada, { page: 1, size: 1_000, search, sort });
      assert.deepEqual(
        tasks.map(({ id }) => id),
        rows.map(({ id }) => id),
        `${name}, ${sort}`,
      );
    }
    const rows = await idsBySql(sql, 'id');
    const counts = await countTasks(context, ada, { search, limit: 1_000 });
    for (const state of Object.keys(taskStates) as TaskState[]) {
      const ofState = rows.filter((row) => row.state === state);
      assert.equal(counts.get(state) ?? 0, ofState.length, `${name}: ${state}`);
      const { tasks } = await listTasks(context, ada, {
        page: 1,
        size: 1_000,
        search,
        states: [state],
      });
      assert.equal(tasks.length, ofState.length, `${name}: ${state}`);
    }
  }
});

test('several states are those of each, page by page, and nothing is on two pages', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db);
  await insertTasks(db, 600);
  const states: TaskState[] = ['failed', 'running', 'queued'];
  const { rows } = await db.pages.query<{ id: number }>(
    `select id from ${db.t.task} where state = any($1::text[]) order by id desc`,
    [states],
  );
  const found: number[] = [];
  for (let page = 1; ; page++) {
    const { tasks, hasNext } = await listTasks(context, ada, { page, size: 7, states });
    found.push(...tasks.map(({ id }) => id));
    if (!hasNext) break;
  }
  assert.deepEqual(
    found,
    rows.map(({ id }) => id),
  );
});

test('what somebody does not see is neither found nor counted, whatever is asked for', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db);
  await insertTasks(db, 600);
  for (const [name, [search, sql]] of Object.entries(filters)) {
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from bulkhead.task where (${sql}) and principal_id = $1 order by id desc`,
      [eve.id],
    );
    const { tasks } = await listTasks(context, eve, { page: 1, size: 1_000, search });
    assert.deepEqual(
      tasks.map(({ id }) => id),
      rows.map(({ id }) => id),
      name,
    );
    const counts = await countTasks(context, eve, { search, limit: 1_000 });
    assert.equal(
      [...counts.values()].reduce((sum, count) => sum + count, 0),
      rows.length,
      name,
    );
  }
});

test('counts of states stop one beyond the limit', async (t) => {
  const { db } = await testDatabase(t);
  await insertTasks(db, 600);
  const counts = await countTasks(testContext(db), ada, { search: {}, limit: 10 });
  assert.deepEqual([counts.get('succeeded'), counts.get('partial')], [11, 9]);
});

test('a record’s tasks are those that changed it, few or many at once, and those that are about it', async (t) => {
  const { db, connectionString } = await testDatabase(t);
  await insertPlaces(db, 100);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  const key = (id: number) => keyOf(cities.model, { id });
  const body = { field: 'notes', 'value.notes': 'seen' };
  const few = await launchOn(context, cities, { keys: [key(3), key(4)] }, 'update', body);
  const many = await launchOn(context, cities, { kind: 'matching', filter: '' }, 'update', {
    field: 'status',
    'value.status': 'published',
  });
  await launchOn(context, cities, { keys: [key(5)] }, 'update', body);
  await workOff({ context, connectionString, db }, many.task.id);
  const about = await db.pages.query<{ id: number }>(
    `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state)
     values ('own', 'survey', 'Survey', 'queue', $1, 'Ada', '{}', '{}', 'queued') returning id`,
    [ada.id],
  );
  const aboutId = about.rows[0]?.id as number;
  await db.pages.query(
    `insert into ${db.t.task_about} (task_id, model, key) values ($1, 'City', $2)`,
    [aboutId, key(3)],
  );
  const search = { record: { model: 'City', key: key(3) } };
  const { tasks } = await listTasks(context, ada, { page: 1, size: 10, search });
  assert.deepEqual(
    tasks.map(({ id }) => id),
    [aboutId, many.task.id, few.task.id],
  );
});

test('a text is looked for in the newest 10,000', async (t) => {
  const { db } = await testDatabase(t);
  await insertTasks(db, 10_002);
  const found = async (text: string) =>
    (await listTasks(testContext(db), ada, { page: 1, size: 10, search: { text } })).tasks.length;
  assert.deepEqual([await found('#2'), await found('#3')], [0, 1]);
});

test('an index leads to what each filter finds, and to each order', async (t) => {
  const { db } = await testDatabase(t);
  await insertTasks(db, 20_000);
  await db.pages.query(`analyze ${db.t.task}`);
  const context = testContext(db);
  const plans: string[] = [];
  const query = async (text: string, values: unknown[]) => {
    const { rows } = await db.pages.query(`explain ${text}`, values);
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
    return { rows: [] };
  };
  const watching = { ...context, db: { ...db, pages: { ...db.pages, query } } } as never;
  const seldom: [index: string, search: TaskSearch, states?: TaskState[]][] = [
    ['task_ended_state', {}, ['partial']],
    ['task_ended_queue', { kind: 'own' }],
    ['task_ended_resource', { resource: 'tags' }],
    ['task_ended_person', { person: 'eve' }],
    ['task_ended_reason', { reason: 'too-slow' }],
    ['task_ended_queue', { queue: 'mail' }],
    ['task_unacknowledged', { isAcknowledged: false }, ['partial']],
    ['task_acknowledged', { isAcknowledged: true }],
    ['task_slot', { worker }],
    ['schedule_run_pkey', { schedule: 'nightly' }],
    ['task_parent_id', { parent: 7 }],
    ['task_ended_asked', { from: new Date('2028-04-10T00:00Z') }],
    ['task_ended_asked', { until: new Date('2026-01-03T04:00Z') }],
    ['task_pkey', { text: 'title' }],
  ];
  for (const [index, search, states = []] of seldom) {
    plans.length = 0;
    await listTasks(watching, ada, { page: 1, size: 25, search, states });
    await countTasks(watching, ada, { search, limit: states.length > 0 ? 100 : 10_000 });
    assert.equal(plans.length, 2);
    assert.match(plans.join('\n'), new RegExp(`\\b${index}\\b`), `${index}\n${plans.join('\n')}`);
    for (const plan of plans) {
      // Of most tasks the first that come are soon enough.
      const succeeding = /Seq Scan on task[^\n]*\n\s*Filter: [^\n]*state = 'succeeded'[^\n]*/g;
      const rest = states.length > 0 ? plan.replace(succeeding, '') : plan;
      assert.doesNotMatch(rest, /Seq Scan on task\b/, `${index}\n${plan}`);
    }
  }
  for (const sort of ['newest', 'oldest', 'ended'] as const) {
    plans.length = 0;
    await listTasks(watching, ada, { page: 1, size: 25, sort });
    assert.doesNotMatch(plans.join('\n'), /Seq Scan on task\b/, `${sort}\n${plans.join('\n')}`);
  }
});
