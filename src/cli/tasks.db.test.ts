import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemPrincipal } from '../auth/system-principal.ts';
import { parseConfig } from '../config.ts';
import { recount } from '../sample/recount.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { ada, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { workOff } from '../testing/work-off.ts';
import { commands } from './commands.ts';

async function setUp(t: TestContext) {
  const { db, connectionString } = await testDatabase(t);
  await insertPlaces(db, 30);
  const context = testContext(db);
  const config = parseConfig({ DATABASE_URL: connectionString, BULKHEAD_LOG_LEVEL: 'silent' });
  const lines: string[] = [];
  t.mock.method(console, 'log', (line: unknown) => void lines.push(String(line)));
  t.after(() => {
    process.exitCode = 0;
  });
  /** What a command gives, says, and ends with. */
  const run = async (name: string, typed: object = {}, ...words: string[]) => {
    lines.length = 0;
    process.exitCode = 0;
    // biome-ignore lint/suspicious/noExplicitAny: each gives its own
    const given = (await commands[name]?.run(typed, config, words)) as any;
    const status = Number(process.exitCode);
    process.exitCode = 0;
    return { given, said: [...lines], status };
  };
  const launch = (country = 'ESP', delayMs = 0) =>
    launchOwn(context, recount, { country }, { principal: systemPrincipal('code'), delayMs });
  return { db, connectionString, context, run, launch };
}

test('tasks are listed by the filters of their page, a few at a time, and it is said when there are more', async (t) => {
  const { run, launch, context } = await setUp(t);
  const first = await launch('ESP');
  const second = await launch('FRA', 3_600_000);
  const { task: third } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching' },
    'update',
    { field: 'notes', 'value.notes': 'new' },
  );
  const ids = async (typed: object) => (await run('tasks list', typed)).given.tasks.map(idOf);
  assert.deepEqual(await ids({}), [third.id, second.id, first.id]);
  assert.deepEqual(await ids({ state: ['scheduled'] }), [second.id]);
  assert.deepEqual(await ids({ state: ['scheduled', 'queued'], sort: 'oldest' }), [
    ...[first.id, second.id, third.id],
  ]);
  assert.deepEqual(await ids({ kind: 'bulk' }), [third.id]);
  assert.deepEqual(await ids({ queue: 'default' }), [second.id, first.id]);
  assert.deepEqual(await ids({ person: 'ada' }), [third.id]);
  assert.deepEqual(await ids({ text: 'fra' }), [second.id]);
  assert.deepEqual(await ids({ text: 'nothing' }), []);
  const page = await run('tasks list', { limit: '2' });
  assert.equal(page.given.hasMore, true);
  assert.match(page.said.at(-1) ?? '', /^There are more: --page 2$/);
  const last = await run('tasks list', { limit: '2', page: '2' });
  assert.deepEqual([last.given.hasMore, last.given.tasks.map(idOf)], [false, [first.id]]);
  for (const [typed, wrong] of [
    [{ state: ['begun'] }, /^--state: There is no such state/],
    [{ limit: '0' }, /^--limit must be a whole number from 1 to 1000\.$/],
    [{ sort: 'title' }, /^--sort: /],
    [{ from: 'soon' }, /^--from: /],
  ] as const)
    await assert.rejects(run('tasks list', typed), { code: 'usage', message: wrong });
});

const idOf = ({ id }: { id: number }) => id;

test('a task is shown with what became of it, and one that is not there is not found', async (t) => {
  const { run, launch } = await setUp(t);
  const { id } = await launch('ESP', 3_600_000);
  await run('tasks cancel', {}, String(id));
  const { given, said } = await run('tasks show', {}, String(id));
  assert.deepEqual(
    [given.task.id, given.task.state, given.task.params, given.workers, given.failures],
    [id, 'cancelled', { country: 'ESP' }, [], []],
  );
  assert.deepEqual(
    given.events.map(({ state }: { state: string }) => state),
    ['scheduled', 'cancelled'],
  );
  assert.match(said.join('\n'), /Cancelled by system: command/);
  await assert.rejects(run('tasks show', {}, '999'), { code: 'not-found' });
  for (const words of [[], ['x'], ['1', '2'], ['0']])
    await assert.rejects(run('tasks show', {}, ...words), { code: 'usage' });
});

test('cancelling says of each task what became of it, and waits for ends so long at most', async (t) => {
  const { db, context, run, launch } = await setUp(t);
  const waiting = await launch('ESP', 3_600_000);
  const ended = await launch('FRA');
  await db.pages.query(
    `update ${db.t.task} set state = 'succeeded', finished_at = now() where id = $1`,
    [ended.id],
  );
  const { given, status } = await run('tasks cancel', {}, `${waiting.id}`, `${ended.id}`, '999');
  assert.deepEqual(
    given.tasks.map(({ id, outcome, state }: Record<string, unknown>) => [id, outcome, state]),
    [
      [waiting.id, 'cancelled', 'cancelled'],
      [ended.id, 'finished', 'succeeded'],
      [999, 'not-found', null],
    ],
  );
  assert.equal(status, 1);

  // A worker is at it that does not stop: to be cancelled is not cancelled.
  const held = await launch('PRT');
  await db.pages.query(
    `update ${db.t.task} set state = 'running', started_at = now() where id = $1`,
    [held.id],
  );
  await db.pages.query(
    `insert into ${db.t.task_slot} (task_id, slot, token, worker_id) values ($1, 0, gen_random_uuid(), gen_random_uuid())`,
    [held.id],
  );
  const asked = await run('tasks cancel', { wait: '0' }, String(held.id));
  assert.deepEqual([asked.given.tasks[0].outcome, asked.status], ['cancelling', 3]);
  assert.match(asked.said[0] ?? '', /is being cancelled/);
  assert.equal((await run('tasks cancel', {}, String(held.id))).status, 0);
  const waited = run('tasks cancel', { wait: '60' }, String(held.id));
  await db.pages.query(
    `update ${db.t.task} set state = 'cancelled', finished_at = now() where id = $1`,
    [held.id],
  );
  const over = await waited;
  assert.ok(['cancelled', 'finished'].includes(over.given.tasks[0].outcome));
  assert.ok(context);
});

test('all that match are cancelled, none that has ended and none that does not match', async (t) => {
  const { db, run, launch } = await setUp(t);
  const spain = await launch('ESP', 3_600_000);
  const france = await launch('FRA', 3_600_000);
  const { given } = await run('tasks cancel', { matching: true, text: 'ESP' });
  assert.deepEqual(given.tasks.map(idOf), [spain.id]);
  const again = await run('tasks cancel', { matching: true, text: 'ESP' });
  assert.deepEqual([again.given.tasks, again.status], [[], 0]);
  assert.deepEqual((await run('tasks cancel', { matching: true })).given.tasks.map(idOf), [
    france.id,
  ]);
  const { rows } = await db.pages.query(
    `select count(*)::int as entries from ${db.t.audit_entry} where act = 'task-cancelled' and origin = 'command'`,
  );
  assert.deepEqual(rows, [{ entries: 2 }]);
  for (const [typed, ...words] of [
    [{}],
    [{ text: 'ESP' }, '1'],
    [{ matching: true }, '1'],
  ] as const)
    await assert.rejects(run('tasks cancel', typed, ...words), { code: 'usage' });
});

test('a task that refused records is tried again', async (t) => {
  const { db, connectionString, context, run } = await setUp(t);
  await db.pages.query(
    `create function gazetteer.no() returns trigger language plpgsql as $$ begin if new.id = 3 and new.notes = 'x' then raise exception 'no'; end if; return new; end $$;
     create trigger no before update on gazetteer.city for each row execute function gazetteer.no()`,
  );
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching' },
    'update',
    { field: 'notes', 'value.notes': 'x' },
    ada,
  );
  assert.equal((await workOff({ context, db, connectionString }, task.id)).failed, 1);
  await db.pages.query('drop trigger no on gazetteer.city');
  const { given, said } = await run('tasks retry', {}, String(task.id));
  assert.equal(given.id, task.id);
  assert.ok(given.retriedBy > task.id);
  assert.match(
    said[0] ?? '',
    new RegExp(`^Task ${given.retriedBy} does again what task ${task.id}`),
  );
  await assert.rejects(run('tasks retry', {}, '999'), { code: 'not-found' });
});

test('schedules are listed, paused, resumed and run by their names', async (t) => {
  const { run } = await setUp(t);
  const isPaused = async () =>
    (await run('schedules list')).given.schedules.find(
      ({ name }: { name: string }) => name === 'nightly-recount',
    ).isPaused;
  assert.equal(await isPaused(), false);
  await run('schedules pause', {}, 'nightly-recount');
  assert.equal(await isPaused(), true);
  await run('schedules resume', {}, 'nightly-recount');
  assert.equal(await isPaused(), false);
  const { given } = await run('schedules run', {}, 'nightly-recount');
  assert.ok(given.dueAt instanceof Date);
  await assert.rejects(run('schedules run', {}, 'nightly-recount'), { code: 'already-due' });
  await assert.rejects(run('schedules pause', {}, 'nowhere'), { code: 'not-found' });
  await assert.rejects(run('schedules pause'), { code: 'usage' });
});

test('what is administered is said with its tables, keys and fields', async (t) => {
  const { run } = await setUp(t);
  const { given, said } = await run('schema');
  const cities = given.resources.find(({ slug }: { slug: string }) => slug === 'cities');
  assert.deepEqual(
    [cities.table, cities.key, cities.operations],
    ['gazetteer.city', ['id'], ['archive']],
  );
  assert.deepEqual(
    cities.fields.find(({ name }: { name: string }) => name === 'country').to,
    'Country',
  );
  assert.ok(said.includes('cities  gazetteer.city  key id'));
  assert.ok(given.tasks.includes('places.recount'));
});
