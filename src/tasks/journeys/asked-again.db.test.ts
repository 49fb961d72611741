import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { defineResource } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { pause, resume } from '../control/pause.ts';
import { retry } from '../follow-ups/retry.ts';
import { undo } from '../follow-ups/undo.ts';
import { getTask } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';

/** Whoever is an editor sees France only; everybody else everything. */
const admin = {
  ...sample,
  schedules: [],
  resources: ['City', 'Country', 'Tag'].map((model) =>
    defineResource(metadata, model as 'City', {
      permissions: () => actions,
      ...(model === 'City' && {
        scope: ({ roles }) => (roles.includes('editor') ? { countryCode: 'FRA' } : {}),
      }),
    }),
  ),
};

/** Ada has deleted thirty places, and a user of any name may undo that. */
async function setUp(t: TestContext) {
  const { db, connectionString, defer } = await testDatabase(t);
  const roles = new Map<string, string[]>();
  const asked = testContext(db, {}, {}, admin);
  const findUser = async (id: string, launched: Principal) => ({
    ...launched,
    roles: roles.get(id) ?? ['admin'],
  });
  const context = { ...asked, people: { ...asked.people, findUser } };
  await insertPlaces(db, 30);
  const work = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
  };
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching' },
    'delete',
    { acknowledge: 'yes' },
  );
  const places = async () =>
    (await db.pages.query(`select count(*)::int as count from gazetteer.city`)).rows[0].count;
  const admins = { ...eve, roles: ['admin'] };
  return { db, context, work, roles, deleted: task, places, admins };
}

test('who was given a row scope since the launch does not bring back what somebody else deleted', async (t) => {
  const { db, context, work, roles, deleted, places, admins } = await setUp(t);
  await work();
  await finished(db, deleted.id);
  roles.set(eve.id, ['editor']);
  const { task } = await undo(context, admins, deleted.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  const end = await finished(db, task.id);
  assert.deepEqual(
    [end.state, end.reason, end.changed, await places()],
    ['failed', 'forbidden', 0, 0],
  );
});

test('nor does the retry of an undo, nor one that was paused and goes on', async (t) => {
  const { db, context, work, roles, deleted, places, admins } = await setUp(t);
  await work();
  await finished(db, deleted.id);
  await db.pages.query(`alter table gazetteer.city add constraint nobody check (false)`);
  const { task } = await undo(context, admins, deleted.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  assert.equal((await finished(db, task.id)).failed, 30);
  await db.pages.query(`alter table gazetteer.city drop constraint nobody`);
  roles.set(eve.id, ['editor']);
  const retried = await retry(context, admins, task.id, { operationId: randomUUID(), code: null });
  const end = await finished(db, retried.task.id);
  assert.deepEqual([end.state, end.reason, await places()], ['failed', 'forbidden', 0]);

  await db.pages.query(
    `update ${db.t.task} set state = 'running', finished_at = null where id = $1`,
    [task.id],
  );
  await pause(context, admins, task.id);
  await assert.rejects(resume(context, admins, task.id), { code: 'forbidden', status: 403 });
  assert.equal((await getTask(context, ada, task.id)).state, 'paused');
});

test('who deleted them brings them back also with a row scope, as far as they are in it', async (t) => {
  const { db, context, work, roles, deleted, places } = await setUp(t);
  await work();
  await finished(db, deleted.id);
  await db.pages.query(
    `update ${db.t.change} set before = jsonb_set(before, '{*columns,country_code}', (select jsonb_agg(case when n > 10 then value else '"FRA"' end order by n)
       from jsonb_array_elements(before -> '*columns' -> 'country_code') with ordinality as listed(value, n))) where task_id = $1`,
    [deleted.id],
  );
  roles.set(ada.id, ['editor']);
  const { task } = await undo(context, ada, deleted.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  const end = await finished(db, task.id);
  assert.deepEqual([end.changed, end.failed, await places()], [10, 20, 10]);
});
