import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { ada, insertPrincipals, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { holding, ownTasksAdmin } from '../testing/own-tasks-admin.ts';
import { lookAtAll } from './look.ts';
import { processParts } from './process-findings.ts';
import { taskParts } from './task-findings.ts';

const offMs = 3 * 24 * 3_600_000;

test('what waits, and what differs, is found as early on a machine whose clock is days off as on any other', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const web = (pid: number, ago: string, setting: string) =>
    db.pages.query(
      `insert into ${db.t.web_process} (id, host, pid, version, settings, settings_hash, started_at) values (gen_random_uuid(), 'here', $1, '1', $2, $3, now() - $4::interval)`,
      [pid, JSON.stringify({ setting }), setting, ago],
    );
  const { id } = await launchOwn(context, holding, { country: 'ESP', ms: 1 }, { principal: ada });
  await web(1, '1 hour', 'one');
  await web(2, '10 seconds', 'another');
  const real = Date.now;
  t.after(() => {
    Date.now = real;
  });
  const found = async (aheadMs: number) => {
    Date.now = () => real() + aheadMs;
    const reports = await lookAtAll(context, [...taskParts, ...processParts]);
    Date.now = real;
    assert.deepEqual(
      reports.filter(({ error }) => error !== null),
      [],
    );
    return reports.flatMap(({ findings }) => findings.map(({ name }) => name));
  };
  for (const aheadMs of [0, offMs, -offMs]) assert.deepEqual(await found(aheadMs), []);
  await db.pages.query(
    `update ${db.t.task} set created_at = now() - interval '2 minutes', queued_at = now() - interval '2 minutes' where id = ${id};
     update ${db.t.task_event} set at = now() - interval '2 minutes' where task_id = ${id};
     update ${db.t.web_process} set started_at = now() - interval '6 minutes' where pid = 2`,
  );
  for (const aheadMs of [0, offMs, -offMs])
    assert.deepEqual(await found(aheadMs), ['no-worker:default', 'processes-differ']);
});
