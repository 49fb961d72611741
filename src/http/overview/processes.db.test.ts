import assert from 'node:assert/strict';
import { test } from 'node:test';
import sample from '../../admin.ts';
import { settingsOf } from '../../admin-settings.ts';
import { agreedOfPages, agreedSettings } from '../../agreed-settings.ts';
import { parseConfig } from '../../config.ts';
import { lookAtAll } from '../../health/look.ts';
import { processParts } from '../../health/process-findings.ts';
import { openSite } from '../../open-site.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import type { TestDatabase } from '../../testing/database.ts';
import { until } from '../../testing/until.ts';

const secret = 'one secret of sessions that is long enough';
const keys = `${'A'.repeat(43)}=`;

test('each process says its version and by what it was set up; whichever is not as what was started last is named with what differs, secrets by no more than that', async (t) => {
  let defer: TestDatabase['defer'] = () => undefined;
  const { db, context, connectionString, signIn } = await testApp(t, {
    prepare(database) {
      defer = database.defer;
      return database.db;
    },
  });
  const admin = await signIn('admin');
  const page = async () => (await admin.get('/tasks/overview')).body.replace(/\s+/g, ' ');
  const words = async () => (await page()).replaceAll(/<[^>]*>/g, '').replace(/\s+/g, ' ');
  assert.match(await words(), /No process of pages has said that it is there/);

  const open = async (env: Record<string, string>) => {
    const config = parseConfig({ BULKHEAD_LOG_LEVEL: 'silent', ...env });
    const site = await openSite({
      ...{ admin: { ...sample, schedules: [], taskHooks: [] }, config, connectionString },
      ...{ direct: connectionString, hasWorker: false, log: () => undefined },
    });
    defer(() => site.stop());
    return site;
  };
  const count = async () =>
    (await db.pages.query(`select 1 from ${db.t.web_process}`)).rowCount ?? 0;
  const first = await open({ BULKHEAD_SESSION_SECRET: secret });
  await until(async () => (await count()) === 1);
  // It differs from nothing: the worker was started before with the same, and has no sessions.
  const worker = await startWorker(first.context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  assert.doesNotMatch(await words(), /started last/);

  const second = await open({
    BULKHEAD_SESSION_SECRET: secret.toUpperCase(),
    BULKHEAD_UNDO_RETENTION_DAYS: '30',
    BULKHEAD_ENCRYPTION_KEYS: keys,
  });
  await until(async () => (await count()) === 2);
  const said = await words();
  assert.match(said, /2 processes of workers and pages have another version or other settings/);
  const sentences = said.match(/Other than the pages started last[^.]*\./g) ?? [];
  const [ofWorker, ofPages] = sentences;
  assert.match(
    ofWorker ?? '',
    /: another BULKHEAD_ENCRYPTION_KEYS; BULKHEAD_UNDO_RETENTION_DAYS 7 \(there 30\)\./,
  );
  assert.match(
    ofPages ?? '',
    /: another BULKHEAD_ENCRYPTION_KEYS; another BULKHEAD_SESSION_SECRET; BULKHEAD_UNDO_RETENTION_DAYS 7 \(there 30\)\./,
  );
  assert.equal(sentences.length, 2);
  const { rows } = await db.pages.query<{ settings: string }>(
    `select settings::text from ${db.t.web_process} union all select settings::text from ${db.t.worker}`,
  );
  for (const { settings } of rows)
    for (const hidden of [secret, secret.toUpperCase(), keys])
      assert.ok(!settings.includes(hidden), settings);

  const found = async () =>
    (await lookAtAll(context, processParts)).flatMap(({ findings }) => findings);
  assert.deepEqual(await found(), [], 'one after the other is how a deployment goes');
  await db.pages.query(
    `update ${db.t.web_process} set started_at = now() - interval '10 minutes' where settings ->> 'BULKHEAD_UNDO_RETENTION_DAYS' = '30'`,
  );
  await db.pages.query(
    `update ${db.t.web_process} set started_at = now() - interval '1 hour' where settings ->> 'BULKHEAD_UNDO_RETENTION_DAYS' = '7'`,
  );
  await db.pages.query(
    `update ${db.t.worker} set started_at = now() - interval '1 hour', version = '0.0.1'`,
  );
  const [finding] = await found();
  assert.match(finding?.title ?? '', /process \d+ \(version, BULKHEAD_ENCRYPTION_KEYS/);
  assert.match(await words(), /version 0\.0\.1 \(there \d/);

  await second.stop();
  assert.equal(await count(), 1);
  await db.pages.query(`update ${db.t.web_process} set seen_at = now() - interval '5 minutes'`);
  assert.match(await words(), /No process of pages has said that it is there/);
});

test('what is the same in another order, of a mount elsewhere, or a process’s own affair, is no difference', async (t) => {
  const { context } = await testApp(t);
  const of = (env: Record<string, string>) => {
    const config = settingsOf(parseConfig(env), {});
    return agreedOfPages(config, secret, agreedSettings(config, context));
  };
  assert.deepEqual(
    of({
      PORT: '4000',
      BULKHEAD_PREFIX: '/admin',
      BULKHEAD_PLACES: '3',
      BULKHEAD_LOG_LEVEL: 'info',
    }),
    of({}),
  );
  assert.notDeepEqual(of({ BULKHEAD_SMTP_URL: 'smtp://a:b@mail' }), of({}));
  assert.ok(!JSON.stringify(of({ BULKHEAD_SMTP_URL: 'smtp://a:geheim@mail' })).includes('geheim'));
});
