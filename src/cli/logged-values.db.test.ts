import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createTaskManager } from '../create-task-manager.ts';
import { type RunningCommand, startCommand } from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';
import { signInOver } from '../testing/network-visitor.ts';
import { insertPlaces, placeForm } from '../testing/places.ts';
import { planted, telling, tellingAdmin } from '../testing/telling-admin.ts';
import { until } from '../testing/until.ts';
import { insertUsers, testPassword } from '../testing/users.ts';

const folder = join(import.meta.dirname, '..');
const adminFile = join(folder, 'testing/telling-admin.ts');

async function start(
  t: TestContext,
  command: 'serve' | 'work',
  env: Record<string, string>,
): Promise<RunningCommand> {
  const program = [process.execPath, join(folder, `cli/${command}.ts`)] as const;
  const running = await startCommand(['--admin', adminFile], env, join(folder, '..'), [...program]);
  t.after(running.stop);
  return running;
}

interface Line {
  level: string;
  message: string;
  requestId?: string;
  taskId?: number;
  chunk?: number;
  workerId?: string;
  attempt?: number;
  error?: string;
}

const linesOf = (running: RunningCommand): Line[] =>
  (running.text().match(/^\{.*\}$/gm) ?? []).map((line) => JSON.parse(line));

test('no line of pages and workers has a value, and one click is followed to its chunk', {
  timeout: 240_000,
}, async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 30);
  await db.pages.query(
    `update gazetteer.city set notes = '${planted}-kept', alt_name = '${planted}-' || id`,
  );
  await insertUsers(db, (role) => ({
    email: `${role}.${planted}@example.test`,
    name: role,
  }));
  const key = Buffer.alloc(32, planted).toString('base64');
  process.env.BULKHEAD_ENCRYPTION_KEYS = key;
  t.after(() => delete process.env.BULKHEAD_ENCRYPTION_KEYS);
  const env = {
    ...{ DATABASE_URL: connectionString, PORT: '0', BULKHEAD_LOG_LEVEL: 'debug' },
    BULKHEAD_SESSION_SECRET: `${planted} is a secret that is long enough`,
    BULKHEAD_ENCRYPTION_KEYS: key,
    BULKHEAD_MIN_ASYNC_RECORDS: '2',
    BULKHEAD_RECOVERY_INTERVAL_MS: '200',
  };
  const [web, worker] = await Promise.all([start(t, 'serve', env), start(t, 'work', env)]);
  const visitor = await signInOver(web.address, `admin.${planted}@example.test`, testPassword);

  // What is typed: into addresses, forms and headers, and what cannot be read.
  for (const path of [
    `/cities?q=${planted}`,
    `/cities/${planted}`,
    `/${planted}/${planted}?${planted}=1`,
    `/odd/${planted}`,
    `/cities?filter=${planted}:${planted}`,
    `/static/${planted}`,
    `/cities/%ZZ${planted}`,
  ])
    await visitor.get(path, { 'x-word': planted, 'user-agent': planted });
  const city = { ...placeForm, name: planted, notes: `${planted}-new` };
  const created = await visitor.post('/cities/new', city);
  assert.equal(created.statusCode, 422, 'the hook fails');
  await visitor.post('/cities/new', { ...city, _csrf: planted });
  await visitor.post('/sign-in', { email: planted, password: planted });
  await visitor.send('POST', '/cities/new', {
    headers: { 'content-type': 'application/json' },
    payload: `{"${planted}"`,
  });
  assert.ok(
    linesOf(web).some(({ error }) => error?.includes('Invalid')),
    'it is logged',
  );

  // A bulk edit whose hooks fail, from its click to its chunks.
  const { headers } = await visitor.post('/cities/selection', { _do: 'matching', _list: '' });
  const edit = `/cities/bulk-edit?${/_s=[0-9a-f-]+/.exec(String(headers.location))?.[0]}`;
  const [, operation = ''] =
    /name="_op" value="([^"]+)"/.exec((await visitor.get(edit)).body) ?? [];
  const change = { _op: operation, field: 'notes', 'value.notes': `${planted}-all` };
  const launched = await visitor.post(edit, change);
  const taskId = Number(/tasks\/(\d+)/.exec(String(launched.headers.location))?.[1]);
  const isOfChunk = (line: Line) => line.taskId === taskId && line.chunk !== undefined;
  await until(() => linesOf(worker).some(isOfChunk));
  const ofChunk = linesOf(worker).find(isOfChunk);
  assert.deepEqual([ofChunk?.message, ofChunk?.chunk], ['a hook failed', 0]);
  const { rows } = await db.pages.query(
    `select request_id from ${db.t.task} where id = $1 and request_id = $2`,
    [taskId, ofChunk?.requestId],
  );
  assert.equal(rows.length, 1, 'the request that launched it is in its lines');
  assert.ok(linesOf(web).some(({ requestId }) => requestId === ofChunk?.requestId));

  const tasks = await createTaskManager({ admin: tellingAdmin, databaseUrl: connectionString });
  defer(() => tasks.close());
  for (const how of ['unique', 'number', 'raise', 'prisma', 'json', 'address', 'token']) {
    const { id } = await tasks.launch(telling, {
      how,
      word: `${planted}-word`,
      token: `${planted}-token`,
    });
    await until(() => linesOf(worker).some((line) => line.taskId === id && line.error));
    const line = linesOf(worker).find((one) => one.taskId === id && one.error);
    assert.equal(line?.attempt, 1);
    assert.match(line?.workerId ?? '', /^[0-9a-f-]{36}$/);
  }
  await Promise.all([web.stop(), worker.stop()]);
  for (const running of [web, worker]) {
    assert.ok(linesOf(running).length > 10);
    const { password } = new URL(connectionString);
    // Who tried to sign in is what the audit is for.
    const lines = running
      .text()
      .split('\n')
      .filter((line) => !line.includes('"message":"audit"'));
    for (const mark of [planted, key, password, testPassword].filter(Boolean))
      assert.deepEqual(
        lines.filter((line) => line.includes(mark)),
        [],
      );
  }
});
