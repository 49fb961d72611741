import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  endedCommand,
  type RunningCommand,
  startCommand,
  stopCommands,
} from '../testing/command.ts';
import { finished } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { keepByColumn } from '../testing/image-form.ts';
import { launchAs, openAs, selectAs } from '../testing/launch-as.ts';
import { type NetworkVisitor, signInOver } from '../testing/network-visitor.ts';
import { countWrites, insertPlaces } from '../testing/places.ts';
import { baseCommit } from '../testing/rolling-base.ts';
import { unpackCommit } from '../testing/unpack-commit.ts';
import { until } from '../testing/until.ts';
import { insertUsers, testPassword } from '../testing/users.ts';

const newer = join(import.meta.dirname, '../testing/newer-admin.ts');
const json = { accept: 'application/json' };
/** Of each launch: places that no other is about. */
const atOnce = 100;

test('code of before and of now side by side on one database, past the migrations of now: what either launches is done, once, by whoever takes it; then those of before stop, and what they were at goes on', async (t) => {
  const before = await unpackCommit(baseCommit);
  t.after(() => before.remove());
  const { db, connectionString, defer } = await testDatabase(t);
  defer(stopCommands);
  // As a database is that was migrated just now.
  await keepByColumn(db, false);
  await insertPlaces(db, 6_000);
  await countWrites(db);
  await insertUsers(db, (role) => ({ email: `${role}@example.com`, name: role }));
  const env = {
    DATABASE_URL: connectionString,
    BULKHEAD_SESSION_SECRET: 'one secret of sessions that is long enough',
    BULKHEAD_CHUNK_SIZE: '50',
    BULKHEAD_LOG_LEVEL: 'warn',
    PORT: '0',
  };
  const program = [process.execPath, ...process.execArgv] as const;
  const start = (command: 'serve' | 'work', folder?: string) => {
    const args = [`src/cli/${command}.ts`, ...(folder ? [] : ['--admin', newer])];
    return startCommand(args, env, folder, program);
  };
  const [oldPages, oldWorker, newPages, newWorker] = await Promise.all([
    start('serve', before.folder),
    start('work', before.folder),
    start('serve'),
    start('work'),
  ]);
  const [old, now] = await Promise.all(
    [oldPages, newPages].map(({ address }) =>
      signInOver(address, 'admin@example.com', testPassword),
    ),
  );
  const both = [old, now] as [NetworkVisitor, NetworkVisitor];

  let next = 1;
  const launched: number[] = [];
  const take = (count = atOnce) => {
    const from = next;
    next += count;
    return from;
  };
  const launch = async (visitor: NetworkVisitor, count = atOnce) => {
    const id = await launchAs(visitor, count, { from: take(count) });
    launched.push(id);
    return id;
  };
  const toUndo: number[] = [];
  // The one takes what either launches while the other is quiet, and the other way round.
  for (const resting of [newWorker, oldWorker]) {
    await quiet(resting, async () => {
      for (const visitor of both) {
        await launch(visitor);
        toUndo.push(await launch(visitor));
        await atOnceBy(visitor, take(5));
      }
      await allSucceed();
    });
  }

  // What only code of now knows is left alone by the worker of before, which a probe finds there too.
  let [review, greeting] = [0, 0];
  await quiet(newWorker, async () => {
    const path = `/cities/do/review?_s=${await selectAs(both[1], atOnce, take(atOnce))}`;
    const asked = await both[1].post(path, { _op: await openAs(both[1], path) }, json);
    assert.equal(asked.statusCode, 202, asked.body);
    review = Number(asked.json().taskId);
    const pressed = await both[1].post('/tasks/new/places.greet', {}, json);
    assert.equal(pressed.statusCode, 202, pressed.body);
    greeting = Number(pressed.json().id);
    await until(async () => (await reasonOf(review)) === 'unknown');
    const doctor = [
      'src/cli/bulkhead.ts',
      'doctor',
      '--check',
      'queue',
      '--json',
      '--admin',
      newer,
    ];
    const { text } = await endedCommand(doctor, env, undefined, program);
    assert.match(text, /taken by a worker of a version that does not know probes/);
    for (const visitor of both)
      for (const id of [review, greeting]) {
        const { statusCode, body } = await visitor.get(`/tasks/${id}`);
        assert.equal(statusCode, 200, body);
      }
    await launch(both[1]);
    await allSucceed();
  });
  launched.push(review, greeting);
  await allSucceed();

  // Each takes back what the other launched, whoever did it.
  for (const [visitor, id] of [
    [both[0], toUndo[1]],
    [both[0], toUndo[3]],
    [both[1], toUndo[0]],
    [both[1], toUndo[2]],
  ] as const) {
    const path = `/tasks/${id}/undo`;
    const answer = await visitor.post(path, { _op: await openAs(visitor, path) }, json);
    assert.equal(answer.statusCode, 202, answer.body);
    launched.push(Number(answer.json().taskId));
  }
  await allSucceed();

  // Tasks of the project's own hold every place of a country: by button, and by schedules run by hand.
  for (const [visitor, country] of [
    [both[0], 'ESP'],
    [both[1], 'FRA'],
  ] as const) {
    const { body } = await visitor.get(`/countries/${country}`);
    const action = /action="(\/tasks\/new\/places\.recount[^"]+)"/.exec(body)?.[1] ?? '';
    const answer = await visitor.post(action, {}, json);
    assert.equal(answer.statusCode, 202, answer.body);
    launched.push(Number(answer.json().id));
  }
  await allSucceed();
  for (const [visitor, name] of [
    [both[0], 'nightly-recount'],
    [both[1], 'weekly-recount'],
  ] as const)
    assert.equal((await visitor.post(`/tasks/schedules/${name}/run`, {}, json)).statusCode, 200);
  await until(async () => {
    const { rowCount } = await db.pages.query(
      `select 1 from ${db.t.schedule_run} run join ${db.t.task} task on task.id = run.task_id where task.state = 'succeeded'`,
    );
    return rowCount === 2;
  });

  const long = [await launch(both[0], 2_000), await launch(both[1], 2_000)];
  await until(async () => {
    const { rowCount } = await db.pages.query(
      `select 1 from ${db.t.task} where id = any($1) and done > 0`,
      [long],
    );
    return (rowCount ?? 0) > 0;
  });
  const last = await launch(both[0]);
  for (const one of [oldWorker, oldPages]) await stopsWell(one);
  await launch(both[1]);
  for (const id of launched)
    assert.equal((await finished(db, id)).state, 'succeeded', `task ${id}`);
  assert.ok(launched.includes(last));

  const { rows: ended } = await db.pages.query<{ state: string; count: number }>(
    `select state, count(*)::int as count from ${db.t.task} group by 1`,
  );
  assert.deepEqual(
    ended.map(({ state }) => state),
    ['succeeded'],
  );
  // Once each; those that were taken back twice.
  const { rows: written } = await db.pages.query<{ writes: number; count: number }>(
    `select writes, count(*)::int as count from gazetteer.city where id < $1 group by 1 order by 1`,
    [next],
  );
  assert.deepEqual(written, [
    { writes: 1, count: next - 1 - 4 * atOnce },
    { writes: 2, count: 4 * atOnce },
  ]);
  for (const one of [newWorker, newPages]) {
    assert.doesNotMatch(one.text(), /"level":"error"/);
    await stopsWell(one);
  }

  /** While a worker takes nothing. */
  async function quiet({ child }: RunningCommand, work: () => Promise<void>): Promise<void> {
    const read = async () =>
      (
        await db.pages.query<{ id: string; isQuiet: boolean }>(
          `select id, quiet_at is not null as "isQuiet" from ${db.t.worker} where pid = $1`,
          [child.pid],
        )
      ).rows[0] ?? { id: 'none', isQuiet: null };
    const { id } = await read();
    for (const [path, isQuiet] of [
      ['quiet', true],
      ['resumption', false],
    ] as const) {
      const answer = await both[0].post(`/tasks/workers/${id}/${path}`, {}, json);
      assert.equal(answer.statusCode, 200, answer.body);
      await until(async () => (await read()).isQuiet === isQuiet);
      if (isQuiet) await work();
    }
  }

  async function reasonOf(id: number): Promise<string | null | undefined> {
    const { rows } = await db.pages.query<{ reason: string | null }>(
      `select reason from ${db.t.task} where id = $1`,
      [id],
    );
    return rows[0]?.reason;
  }

  async function allSucceed(): Promise<void> {
    for (const id of launched) {
      const { state, reason, message } = await finished(db, id);
      assert.equal(state, 'succeeded', `task ${id}: ${reason}, ${message}`);
    }
  }

  async function atOnceBy(visitor: NetworkVisitor, from: number): Promise<void> {
    const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 5, from)}`;
    const body = { _op: await openAs(visitor, path), field: 'status', 'value.status': 'published' };
    const answer = await visitor.post(path, body, json);
    assert.equal(answer.json().outcome, 'inline', answer.body);
  }
});

async function stopsWell({ child }: RunningCommand): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
}
