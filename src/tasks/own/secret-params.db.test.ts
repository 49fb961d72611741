import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { type Config, parseConfig } from '../../config.ts';
import type { Database } from '../../db/database.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskEvent } from '../../task-definitions/task-hooks.ts';
import { infoOf } from '../../task-info.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { keptLog } from '../../testing/kept-log.ts';
import type { TaskContext } from '../context.ts';
import { retry } from '../follow-ups/retry.ts';
import { deliverNext } from '../hooks/deliver.ts';
import { announceHooks, fanOut } from '../hooks/fan-out.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const token = 'tok-4711-of-nobody';
const given = { shop: 'Lisbon', auth: [{ token }, { token: `${token}-2` }] };
const seen: unknown[] = [];

const sync = defineTask({
  name: 'shop.sync',
  params: z.object({ shop: z.string(), auth: z.array(z.object({ token: z.string() })) }),
  secret: ['auth.token'],
  title: ({ shop, auth }) => `Sync ${shop} by ${auth[0]?.token.slice(-9)}`,
  unique: {},
  concurrency: { max: 5, key: ({ auth }) => auth[0]?.token ?? '' },
  rate: { max: 100, perMs: 1_000, key: ({ auth }) => auth[0]?.token ?? '' },
  backoff: { firstMs: 10, maxMs: 20 },
  attempts: 2,
  async run({ auth }, task) {
    seen.push(auth);
    task.log(`with ${token}`);
    task.progress(1, 2, `at ${token}`);
    if (task.attempt === 1) throw new Error(`${token} is too old`);
    return { used: [token], at: new Date(0) };
  },
});
const failing = defineTask({
  ...sync.options,
  name: 'failing',
  title: `Fail with ${token}`,
  attempts: 1,
  run: () => assert.fail(`${token} is no good`),
});

const keys = (...bytes: Buffer[]) =>
  (parseConfig({ BULKHEAD_ENCRYPTION_KEYS: bytes.map((key) => key.toString('base64')).join() })
    .BULKHEAD_ENCRYPTION_KEYS ?? []) as NonNullable<Config['BULKHEAD_ENCRYPTION_KEYS']>;
const [old, fresh] = [randomBytes(32), randomBytes(32)];

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const events: TaskEvent[] = [];
  const lines: string[] = [];
  const keyed = (...bytes: Buffer[]): TaskContext => ({
    ...testContext(
      db,
      {},
      {},
      {
        ...sample,
        schedules: [],
        tasks: [sync, failing] as unknown as TaskDefinition[],
        taskHooks: [
          {
            name: 'all',
            on: ['task:created', 'task:failed', 'task:succeeded'],
            run: (event) => void events.push(event),
          },
        ],
      },
      undefined,
      keys(...bytes),
    ),
    log: keptLog('debug', lines),
  });
  const work = async (...bytes: Buffer[]) => {
    const context = keyed(...bytes);
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
    defer(() => worker.stop());
    return worker;
  };
  return { db, events, lines, keyed, work };
}

/** Everything that our tables hold, as text. */
async function everything(db: Database): Promise<string> {
  const { rows } = await db.pages.query<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables where table_schema like 'bulkhead%' and table_type = 'BASE TABLE'`,
  );
  const texts: string[] = [];
  for (const { name } of rows)
    texts.push(
      ...(
        await db.pages.query<{ text: string }>(`select row::text as text from ${name} row`)
      ).rows.map(({ text }) => text),
    );
  return texts.join('\n');
}

test('what is secret is given to the run, and is nowhere else', async (t) => {
  const { db, events, lines, keyed, work } = await setUp(t);
  const context = keyed(old);
  await announceHooks(db.pages, context);
  const launched = await launchOwn(context, sync, given, { principal: ada });
  const same = await launchOwn(context, sync, given, { principal: ada });
  assert.equal(same.id, launched.id, 'the same is the same');
  assert.equal(launched.title, 'Sync Lisbon by •••');
  assert.deepEqual(infoOf(launched).params, {
    shop: 'Lisbon',
    auth: [{ token: '•••' }, { token: '•••' }],
  });
  await work(old);
  const task = await finished(db, launched.id);
  assert.deepEqual(seen.splice(0), [given.auth, given.auth]);
  assert.deepEqual([task.state, task.progressMessage], ['succeeded', 'at •••']);
  assert.deepEqual(task.result, { used: ['•••'], at: '1970-01-01T00:00:00.000Z' });
  const broken = await launchOwn(context, failing, given, { principal: ada });
  assert.equal((await finished(db, broken.id)).message, '••• is no good');
  await fanOut(db.pages, context);
  while (await deliverNext(context, db.pages));
  assert.ok(lines.length > 0 && events.length > 0);
  const said = [await everything(db), lines.join(), JSON.stringify(events)].join('\n');
  assert.match(said, /with •••/);
  assert.match(said, /••• is too old/);
  assert.ok(!said.includes(token));
  assert.ok(!said.includes('4711'));
});

test('parameters that are wrong are told without what is secret in them', async (t) => {
  const { keyed } = await setUp(t);
  const strict = defineTask({
    name: 'shop.sync',
    params: z.object({ token: z.string().refine(() => false, { error: () => `not ${token}` }) }),
    secret: ['token'],
    run: () => null,
  });
  const context = { ...keyed(old), definitions: new Map([['shop.sync', strict as never]]) };
  await assert.rejects(launchOwn(context, strict, { token }, { principal: ada }), {
    code: 'invalid-params',
    message: 'token: not •••',
  });
});

test('the first key encrypts, all decrypt, and without the one the setting is named', async (t) => {
  const { db, keyed, work } = await setUp(t);
  const first = await launchOwn(keyed(old), sync, given, { principal: ada });
  const rotated = await work(fresh, old);
  assert.equal((await finished(db, first.id)).state, 'succeeded');
  await rotated.stop();
  const second = await launchOwn(keyed(fresh, old), sync, given, { principal: ada });
  await work(old);
  const failed = await finished(db, second.id);
  assert.deepEqual([failed.state, failed.reason], ['failed', 'no-encryption-key']);
  assert.match(failed.message ?? '', /^BULKHEAD_ENCRYPTION_KEYS has no key/);
  const operationId = '00000000-0000-4000-8000-000000000001';
  await assert.rejects(retry(keyed(old), ada, second.id, { operationId, code: null }), {
    code: 'no-encryption-key',
  });
  seen.splice(0);
  const again = await retry(keyed(old, fresh), ada, second.id, { operationId, code: null });
  assert.equal((await finished(db, again.task.id)).state, 'succeeded');
  assert.deepEqual(seen[0], given.auth, 'not what is shown');
});

test('SQL cannot launch what has secret parameters, and what it gave is masked', async (t) => {
  const { db, work } = await setUp(t);
  const { rows } = await db.pages.query<{ id: number }>(
    `select bulkhead.launch('shop.sync', $1::jsonb) as id`,
    [JSON.stringify(given)],
  );
  await work(old);
  const task = await finished(db, rows[0]?.id as number);
  assert.deepEqual([task.state, task.reason], ['failed', 'secret-params']);
  assert.match(task.message ?? '', /SQL cannot launch it/);
  assert.ok(!(await everything(db)).includes(token));
});

test('keys that are none are refused, and not said', () => {
  for (const wrong of ['short', `${old.toString('base64')},x`, randomBytes(16).toString('base64')])
    assert.throws(
      () => parseConfig({ BULKHEAD_ENCRYPTION_KEYS: wrong }),
      (error: Error) => {
        assert.match(error.message, /BULKHEAD_ENCRYPTION_KEYS: must be keys of 32 bytes each/);
        return !error.message.includes(wrong);
      },
    );
});
