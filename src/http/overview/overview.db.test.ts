import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineSchedule } from '../../task-definitions/define-schedule.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { advance } from '../../tasks/worker/advance.ts';
import { recover } from '../../tasks/worker/recovery.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { countStatements, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { until } from '../../testing/until.ts';

type Context = Parameters<typeof testApp>[0];

const brake = Promise.withResolvers<void>();
const slow = defineTask({ name: 'slow', params: z.object({}), run: () => brake.promise });
const yearly = defineSchedule({ name: 'yearly', cron: '0 0 1 1 *', task: slow, params: {} });
const own = { ...sample, schedules: [yearly], taskHooks: [], tasks: [slow] };

async function setUp(
  t: Context,
  options: Parameters<typeof testApp>[1] = {},
): Promise<TestApp & { admin: Visitor; editor: Visitor }> {
  const app = await testApp(t, { admin: own, ...options });
  return { ...app, admin: await app.signIn('admin'), editor: await app.signIn('editor') };
}

interface Ended {
  state: string;
  hoursAgo: number;
  /** How many hours before it ended it was asked for. */
  hoursLong?: number;
  resource?: string;
  reason?: string;
  changed?: number;
  waitedMs?: number;
  tookMs?: number;
  by?: Visitor;
}

/** Bulk work that has ended, or own tasks where no resource is named. */
async function insertEnded({ db }: TestApp, { principal }: Visitor, tasks: readonly Ended[]) {
  const rows = tasks.map(({ by, ...task }) => ({
    ...task,
    principalId: (by?.principal ?? principal).id,
    name: (by?.principal ?? principal).name,
  }));
  await db.pages.query(
    `insert into ${db.t.task} (kind, resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, reason, changed, created_at, queued_at, started_at, finished_at)
     select case when resource is null then 'own' else 'bulk' end, resource, case when resource is not null then 'City' end, case when resource is null then 'slow' else 'update' end, 'One', 'queue', "principalId", name, '{}',
       case when resource is null then '{}' else '{"changes":[]}' end::jsonb, case when resource is not null then '{"kind":"ticked","filter":""}'::jsonb end, state, reason, coalesce(changed, 0),
       at - coalesce("hoursLong", 0) * interval '1 hour', at - (coalesce("tookMs", 0) + coalesce("waitedMs", 0)) * interval '1 ms', at - coalesce("tookMs", 0) * interval '1 ms', at
     from jsonb_to_recordset($1) as given(state text, "hoursAgo" float8, "hoursLong" float8, resource text, reason text, changed int, "waitedMs" float8, "tookMs" float8, "principalId" text, name text),
       lateral (select clock_timestamp() - "hoursAgo" * interval '1 hour' as at) time`,
    [JSON.stringify(rows)],
  );
}

const json = { accept: 'application/json' };
const linksOf = (body: string) =>
  [...body.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
const attentionOn = (body: string) => {
  const list = /<ul class="attention">[\s\S]*?<\/ul>/.exec(body)?.[0] ?? '';
  return [...list.matchAll(/<a href="([^"]*)">([\s\S]*?)<\/a>/g)].map(
    ([, href = '', inner = '']) => [
      inner
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
      href.replaceAll('&amp;', '&'),
    ],
  );
};
const idsOn = (body: string) =>
  [...body.matchAll(/<tr[^>]* id="task-(\d+)"/g)].map(([, id]) => Number(id));

test('the figures of each hour and of each kind of task are those of plain SQL', async (t) => {
  const app = await setUp(t);
  const tasks = Array.from({ length: 200 }, (_, n): Ended => {
    const resource = ['cities', 'tags', undefined][n % 3];
    return {
      state: ['succeeded', 'succeeded', 'failed', 'partial', 'cancelled'][n % 5] as string,
      hoursAgo: (n * 37) % 60,
      ...(resource && { resource }),
      changed: n * 3,
      waitedMs: (n * 7919) % 60_000,
      tookMs: (n * 104_729) % 90_000,
      by: n % 4 === 0 ? app.editor : app.admin,
    };
  });
  await insertEnded(app, app.admin, tasks);
  for (const [visitor, isAll] of [
    [app.admin, true],
    [app.editor, false],
  ] as const)
    for (const span of ['day', 'week']) {
      const answer = await visitor.get(`/tasks/overview?of=${span}`, json);
      const { hours, kinds } = answer.json();
      const seen = `($2 or principal_id = $1)`;
      const { rows: perHour } = await app.db.pages.query(
        `select hour as from, count(id)::int as ended, (count(*) filter (where state = 'failed'))::int as failed, (count(*) filter (where state = 'partial'))::int as partial,
           coalesce(sum(changed), 0)::int as changed, percentile_cont(0.5) within group (order by wait) as "waitP50Ms", percentile_cont(0.95) within group (order by wait) as "waitP95Ms"
         from generate_series($3::timestamptz, $3::timestamptz + interval '23 hours', interval '1 hour') hour
           left join lateral (select *, (extract(epoch from started_at - queued_at) * 1000)::float8 as wait from ${app.db.t.task}
             where finished_at >= hour and finished_at < hour + interval '1 hour' and ${seen}) task on true
         group by hour order by hour`,
        [visitor.principal.id, isAll, hours[0].from],
      );
      assert.deepEqual(hours, JSON.parse(JSON.stringify(perHour)));
      const since =
        span === 'day'
          ? '$3::timestamptz'
          : `greatest($3::timestamptz - interval '9 days', date_trunc('day', now()) - interval '6 days')`;
      const { rows: perKind } = await app.db.pages.query(
        `select kind, operation, resource, count(*)::int as runs, (count(*) filter (where state in ('failed', 'partial')))::int as failures,
           percentile_cont(0.5) within group (order by took) as "p50Ms", percentile_cont(0.95) within group (order by took) as "p95Ms"
         from (select *, (extract(epoch from finished_at - started_at) * 1000)::float8 as took from ${app.db.t.task}) task
         where finished_at >= ${since} and ${seen} group by 1, 2, 3 order by runs desc, operation, resource`,
        [visitor.principal.id, isAll, hours[0].from],
      );
      assert.ok(perKind.length === 3 && perKind[0].runs > 1);
      assert.deepEqual(kinds, perKind);
    }
});

test('what acts on all tasks that match is a kind of its own, in words', async (t) => {
  const app = await setUp(t);
  const acts = ['cancel', 'retry', 'acknowledge'].map((act) => `bulkhead:${act}-tasks`);
  await insertEnded(app, app.admin, Array(3).fill({ state: 'succeeded', hoursAgo: 1 }));
  await app.db.pages.query(`update ${app.db.t.task} set operation = ($1::text[])[id]`, [acts]);
  const { body } = await app.admin.get('/tasks/overview');
  const [section = ''] = /id="kinds"[\s\S]*?<\/section>/.exec(body) ?? [];
  for (const words of ['Cancel all tasks that', 'Try all tasks again', 'See to all tasks'])
    assert.match(section, new RegExp(words));
  assert.doesNotMatch(section, /bulkhead:/);
});

test('what failed is shown by reason and time, and each figure leads to as many tasks', async (t) => {
  const app = await setUp(t);
  const tasks = Array.from(
    { length: 24 },
    (_, n): Ended => ({
      state: n % 2 === 0 ? 'failed' : 'partial',
      hoursAgo: (n * 11) % 23,
      hoursLong: n % 3,
      resource: 'cities',
      reason: n % 4 === 0 ? 'too-slow' : 'records-refused',
    }),
  );
  await insertEnded(app, app.admin, [...tasks, { state: 'succeeded', hoursAgo: 1 }]);
  const inBerlin = { cookie: `${app.admin.cookie}; bulkhead_time_zone=Asia%2FKolkata` };
  for (const [span, headers] of [
    ['day', {}],
    ['day', inBerlin],
    ['week', inBerlin],
  ] as const) {
    const { body } = await app.admin.get(`/tasks/overview?of=${span}`, headers);
    const table = /<h2 id="failures"[\s\S]*?<\/section>/.exec(body)?.[0] ?? '';
    const cells = [
      ...table.matchAll(/<a[^>]*href="([^"]*)"[^>]*aria-label="([^"]*)"[^>]*>(\d+)</g),
    ];
    assert.ok(cells.length > 4);
    for (const [, href = '', label = '', text = ''] of cells) {
      const found = await app.admin.get(href.replaceAll('&amp;', '&'), { ...json, ...headers });
      assert.equal(found.json().total, Number(text), `${label}: ${href}`);
    }
    assert.match(
      table,
      /even a few records took too long[\s\S]*records failed|records failed[\s\S]*even a few/,
    );
  }
});

test('nothing needs anybody where all is well, and that is said', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, [{ state: 'succeeded', hoursAgo: 1, resource: 'cities' }]);
  const { body } = await app.admin.get('/tasks/overview');
  assert.deepEqual(attentionOn(body), []);
  assert.match(body, /Nothing needs you\./);
});

test('what needs somebody leads to the tasks that do', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, [
    { state: 'failed', hoursAgo: 200, resource: 'cities' },
    { state: 'partial', hoursAgo: 1, resource: 'cities' },
    { state: 'partial', hoursAgo: 1, resource: 'cities', by: app.editor },
    { state: 'cancelled', hoursAgo: 1, resource: 'cities' },
  ]);
  await app.admin.post('/tasks/2/acknowledgement', {});
  const { id } = await launchOwn(app.context, slow, {}, { principal: app.admin.principal });
  const on = async (visitor: Visitor) => attentionOn((await visitor.get('/tasks/overview')).body);
  assert.deepEqual(await on(app.admin), [
    ['1 task waits and no worker is alive that could run it.', '/tasks?state=queued&queue=default'],
    [
      '2 tasks failed, or were partly done, and nobody has seen to them.',
      '/tasks?state=failed&state=partial&acknowledged=no',
    ],
  ]);
  assert.deepEqual(await on(app.editor), [
    [
      '1 task failed, or was partly done, and nobody has seen to it.',
      '/tasks?state=failed&state=partial&acknowledged=no',
    ],
  ]);
  await advance(app.context, 11 * 60_000);
  const waiting = (await on(app.admin)).find(([text]) => text?.includes('for more than'));
  assert.deepEqual(waiting, [
    '1 task has waited for more than 10 min.',
    '/tasks?state=queued&_sort=oldest',
  ]);
  for (const [, href = ''] of await on(app.admin))
    assert.ok(idsOn((await app.admin.get(href)).body).length > 0, href);
  const { body } = await app.admin.get('/tasks/overview');
  assert.ok(linksOf(body).includes(`/tasks/${id}`), 'the one that waits for longest');
});

test('what waits for longest is what could have begun first, with how long, whatever its number', async (t) => {
  const app = await setUp(t);
  const { t: tables, pages } = app.db;
  await pages.query(
    `insert into ${tables.task} (kind, operation, title, backend, queue, principal_id, principal_name, principal, parameters, state, created_at, queued_at, due_at, blocked_by)
     select 'own', 'slow', title, 'queue', queue, 'x', 'Eve', '{}', '{}', 'queued', now() - asked * interval '1 min', now() - asked * interval '1 min', now() + due * interval '1 min', blocked
     from (values (1, 'For later, and its time has come', 'default', 4000, -5, null::int), (2, 'Asked for after it', 'default', 30, null, null), (3, 'Waits for another try', 'default', 60, 7, null),
       (4, 'Waits for another', 'default', 60, null, 2), (5, 'Of a queue that is paused', 'mail', 20, null, null)) task(n, title, queue, asked, due, blocked) order by n`,
  );
  await pages.query(
    `insert into ${tables.paused_queue} (name, by) values ('mail', '{"id":"x","name":"Eve"}')`,
  );
  const { body } = await app.admin.get('/tasks/overview');
  const [section = ''] = /aria-labelledby="oldest">[\s\S]*?<\/section>/.exec(body) ?? [];
  const lines = [...section.matchAll(/href="\/tasks\/(\d+)"[\s\S]*?task-row-done">([^<]*)</g)];
  assert.deepEqual(
    lines.map(([, id]) => Number(id)),
    [2, 5, 1],
  );
  for (const [, , waited = ''] of lines) assert.match(waited, /^for \d+ min/);
  const { oldest } = JSON.parse((await app.admin.get('/tasks/overview', json)).body);
  assert.deepEqual(
    oldest.map(({ id }: { id: number }) => id),
    [2, 5, 1],
  );
});

test('workers that are gone, what was given up and schedules in trouble need whoever sees every task', async (t) => {
  const app = await setUp(t);
  const { t: tables, pages } = app.db;
  await insertEnded(app, app.editor, [{ state: 'succeeded', hoursAgo: 1, resource: 'cities' }]);
  await pages.query(
    `insert into ${tables.worker} (id, host, pid) values (gen_random_uuid(), 'nowhere', 1)`,
  );
  await pages.query(
    `insert into ${tables.task_delivery} (event_id, hook, name, task_id, payload, parked_at) values (1, 'mirror', 'task:succeeded', 1, '{}', now()), (2, 'mirror', 'task:succeeded', 1, '{}', now() - interval '8 days')`,
  );
  await pages.query(
    `insert into ${tables.notice} (event_id, task_id, channel, recipient, content, state, settled_at) values (1, 1, 'email', 'x', '{}', 'given-up', now()), (2, 1, 'email', 'x', '{}', 'sent', now())`,
  );
  await pages.query(
    `insert into ${tables.schedule} (name, cron, time_zone) values ('yearly', '0 0 1 1 *', 'UTC')`,
  );
  await pages.query(
    `insert into ${tables.schedule_run} (schedule, due_at, state) values ('yearly', now() - interval '1 day', 'launched'), ('yearly', now(), 'missed')`,
  );
  const { body } = await app.admin.get('/tasks/overview');
  assert.deepEqual(attentionOn(body), [
    ['1 worker is gone. What it was at is taken up by others.', '#workers'],
    ['The last time of the schedule yearly was missed, stopped or refused.', '/tasks/schedules'],
    [
      '1 call of a hook was given up in the last 7 days. This is the task of the latest.',
      '/tasks/1',
    ],
    ['1 notice was given up in the last 7 days.', '/tasks/deliveries'],
  ]);
  assert.match(body, /nowhere, process 1[\s\S]*Gone/);
  const of = await app.editor.get('/tasks/overview');
  assert.deepEqual(attentionOn(of.body), []);
  assert.doesNotMatch(of.body, /nowhere|yearly|id="workers"|id="schedules"/);
  const asJson = (await app.editor.get('/tasks/overview', json)).json();
  assert.deepEqual([asJson.workers, asJson.schedules], [undefined, undefined]);
});

test('a worker says what it is, what it is at, and that it is still there', async (t) => {
  const app = await setUp(t);
  const worker = await startWorker(app.context, {
    ...{ connectionString: app.connectionString, concurrency: 3, places: 2 },
    queues: ['default', 'mail'],
  });
  const { id } = await launchOwn(app.context, slow, {}, { principal: app.admin.principal });
  const read = async () => (await app.admin.get('/tasks/overview', json)).json().workers;
  await until(async () => (await read())[0]?.taskIds.length === 1);
  const [first] = await read();
  assert.deepEqual(first.taskIds, [id]);
  assert.deepEqual([first.concurrency, first.places, first.queues], [3, 2, ['default', 'mail']]);
  assert.match(first.version, /^\d+\.\d+\.\d+/);
  assert.deepEqual([first.isAlive, first.isUnheard], [true, false]);
  const { body } = await app.admin.get('/tasks/overview');
  assert.match(body, new RegExp(`href="/tasks/${id}">slow \\(#${id}\\)`));
  assert.match(body, /3 slices of bulk work and 2 own tasks at a time/);

  const hour = `interval '1 hour'`;
  await until(async () => {
    await app.db.pages.query(
      `update ${app.db.t.worker} set seen_at = seen_at - ${hour}, heartbeat_at = heartbeat_at - ${hour}`,
    );
    return (await read())[0].isUnheard;
  });
  const self = { workerId: first.id, tokens: new Set<string>(), backends: [] };
  await recover(app.context, self);
  assert.equal((await read())[0].isUnheard, false);
  brake.resolve();
  await worker.stop();
});

test('the overview needs as many statements for many tasks and workers as for few, and at most 16', async (t) => {
  const app = await setUp(t);
  const ask = async (visitor: Visitor) => {
    const { result, statements } = await countStatements(app.db, () =>
      visitor.get('/tasks/overview'),
    );
    assert.equal(result.statusCode, 200);
    assert.ok(statements.length <= 16, statements.join('\n\n'));
    return statements.length;
  };
  await launchOwn(app.context, slow, {}, { principal: app.admin.principal });
  const few = [await ask(app.admin), await ask(app.editor)];
  const states = ['failed', 'succeeded', 'partial'];
  await insertEnded(
    app,
    app.admin,
    Array.from({ length: 300 }, (_, n) => ({
      ...{ state: states[n % 3] as string, hoursAgo: n / 10, reason: `reason ${n % 9}` },
      ...(n % 2 === 0 && { resource: 'cities' }),
    })),
  );
  for (let n = 0; n < 8; n++)
    await launchOwn(app.context, slow, {}, { principal: app.admin.principal });
  await app.db.pages.query(
    `insert into ${app.db.t.worker} (id, host, pid) select gen_random_uuid(), 'host', n from generate_series(1, 9) n`,
  );
  assert.deepEqual([await ask(app.admin), await ask(app.editor)], few);
});

test('charts have no inline style and no script, and what they show stands in tables', async (t) => {
  const app = await setUp(t);
  await insertEnded(app, app.admin, [
    { state: 'succeeded', hoursAgo: 0, resource: 'cities', changed: 12_345 },
  ]);
  const { body } = await app.admin.get('/tasks/overview');
  const charts = body.match(/<svg[^>]*class="marks"[\s\S]*?<\/svg>/g) ?? [];
  assert.equal(charts.length, 3);
  for (const chart of charts) assert.doesNotMatch(chart, /\sstyle=|<style|<script|\son\w+=|url\(/);
  assert.equal(body.match(/<details class="text-sm">/g)?.length, 3);
  assert.match(body, /<td class="text-end tabular-nums">12,345<\/td>/);
});

test('what it is to look back on is a day or a week, and nothing else', async (t) => {
  const app = await setUp(t);
  for (const span of ['', 'year', 'day&of=week'])
    assert.equal((await app.admin.get(`/tasks/overview?of=${span}`)).statusCode, 422, span);
  assert.ok(linksOf((await app.admin.get('/tasks')).body).includes('/tasks/overview'));
});
