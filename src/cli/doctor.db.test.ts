import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startWorker } from '../tasks/worker/worker.ts';
import { testApp } from '../testing/app.ts';
import { ada, launchOn } from '../testing/context.ts';
import { insertPlaces } from '../testing/places.ts';
import { install } from '../testing/setting-levels.ts';

/** Runs `doctor` over a database to its end. */
async function doctor(databaseUrl: string, ...options: string[]) {
  return doctorIn({ DATABASE_URL: databaseUrl }, ...options);
}

async function doctorIn(env: Record<string, string>, ...options: string[]) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'main.ts'), 'doctor', ...options],
    {
      env: { ...process.env, ...env, NODE_TEST_CONTEXT: '' },
    },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece) => {
      text += piece;
    });
  const [status] = await once(child, 'close');
  return { status, text };
}

test('it ends with 0 where nothing is wrong, with 1 where something is, and says what to do', async (t) => {
  const { context, connectionString } = await install(t, {});
  const wrong = await doctor(connectionString);
  assert.equal(wrong.status, 1, wrong.text);
  assert.match(wrong.text, /^wrong {7}workers {3}Is there a worker/m);
  assert.match(
    wrong.text,
    /No worker is alive[\s\S]+→ Start one: npm run work\.[\s\S]+1 finding\.$/m,
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  try {
    const sound = await doctor(connectionString, '--json');
    const { findings, parts } = JSON.parse(sound.text);
    assert.deepEqual([sound.status, findings], [0, []], sound.text);
    const probe = parts.find(({ name }: { name: string }) => name === 'probe');
    assert.match(probe.note, /^taken after \d+ ms, done after \d+ ms$/);
    for (const { tookMs } of parts) assert.equal(typeof tookMs, 'number');
    const queue = await doctor(connectionString, '--check', 'queue', '--json');
    assert.deepEqual(
      [...new Set(JSON.parse(queue.text).parts.map(({ check }: { check: string }) => check))],
      ['queue'],
    );
  } finally {
    await worker.stop();
  }
});

test('what keeps it from looking ends it with 2', async () => {
  for (const [url, ...options] of [
    ['', '--json'],
    ['postgresql://127.0.0.1:1/x', '--check', 'nonsense'],
  ] as const)
    assert.equal((await doctor(url, ...options)).status, 2, url);
  const mistaken = { DATABASE_URL: 'postgresql://127.0.0.1:1/x', BULKHEAD_LOG_LEVEL: 'loud' };
  const { status, text } = await doctorIn(mistaken);
  assert.equal(status, 2);
  assert.match(text, /^Settings that cannot be used: BULKHEAD_LOG_LEVEL/m);
});

test('a database that is not there, or never answers, is found within its bound, and no password is said', async (t) => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  for (const at of ['127.0.0.1:1', `127.0.0.1:${port}`]) {
    const { status, text } = await doctor(`postgresql://me:s3cr3t@${at}/shop`);
    assert.equal(status, 1, text);
    assert.match(text, new RegExp(`The database at ${at}/shop does not answer\\.`));
    assert.match(text, /→ See that it runs, and that DATABASE_URL has its address/);
    assert.doesNotMatch(text, /s3cr3t/);
  }
});

test('an admin that cannot be started is a finding, and hides no other', async (t) => {
  const { connectionString } = await install(t, {});
  const { status, text } = await doctor(connectionString, '--admin', 'nowhere.ts');
  assert.equal(status, 1, text);
  assert.match(text, /The admin cannot be started\./);
  assert.match(text, /No worker is alive/);
});

test('it finds nothing on a system that is at work', async (t) => {
  const site = await testApp(t, { env: { BULKHEAD_CHUNK_SIZE: '10' } });
  const { context, db, connectionString } = site;
  await insertPlaces(db, 4_000);
  const worker = await startWorker(context, { connectionString, concurrency: 2 });
  try {
    const cities = context.registry.get('cities');
    for (const notes of ['one', 'two', 'three'])
      await launchOn(
        context,
        cities,
        { kind: 'matching' },
        'update',
        { field: 'notes', 'value.notes': notes },
        ada,
        { overlap: 'wait' },
      );
    for (let count = 0; count < 2; count++) {
      const { status, text } = await doctor(connectionString);
      assert.equal(status, 0, text);
    }
    const left = await db.pages.query(
      `select from ${db.t.task} where title like '%probe%' or resource is null`,
    );
    assert.equal(left.rowCount, 0);
  } finally {
    await worker.stop();
  }
});
