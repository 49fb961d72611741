import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineAdmin } from '../../admin-definition.ts';
import { turnsOf } from '../../db/turns.ts';
import { defineResource } from '../../index.ts';
import { testApp } from '../../testing/app.ts';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces, placeForm } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import type { TaskSettings } from '../context.ts';
import { cancel } from '../control/cancel.ts';
import { findHolder } from '../looking/holders.ts';
import { startWorker } from '../worker/worker.ts';

const body = { field: 'notes', 'value.notes': 'changed' };
const all = { kind: 'matching', filter: '' } as const;

/** The sample, with code of its own that is asked before each write of a place. */
function adminWhose(beforeSave: (name: string | undefined) => Promise<void>) {
  return defineAdmin({
    ...sample,
    schedules: [],
    taskHooks: [],
    resources: [
      defineResource(metadata, 'City', {
        hooks: { beforeSave: ({ record }) => beforeSave(record.name) },
      }),
      ...sample.resources.filter(({ model }) => model !== 'City'),
    ],
  });
}

const never = () => new Promise<void>(() => undefined);

async function inBackground(
  t: TestContext,
  places: number,
  settings: Partial<TaskSettings>,
  beforeSave: (name: string | undefined) => Promise<void>,
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, settings, { minAsyncRecords: 1 }, adminWhose(beforeSave));
  await insertPrincipals(db);
  await insertPlaces(db, places);
  const { task } = await launchOn(context, context.registry.get('cities'), all, 'update', body);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  return { db, context, id: task.id };
}

test('a hook that never comes back ends its task, which says that a few records take too long, and its records are free', async (t) => {
  const settings = { statementTimeoutMs: 500, maxDeaths: 1 };
  const { db, id } = await inBackground(t, 20, settings, async (name) =>
    name === 'Place 3' ? never() : undefined,
  );
  const { state, reason, message } = await finished(db, id);
  assert.deepEqual(
    [state, reason, message],
    [
      'failed',
      'too-slow',
      'Even a few records took longer than one statement may. What was done before stays.',
    ],
  );
  assert.equal(await findHolder(db.pages, db.t, 'City', '3'), null);
});

test('a task whose hook does not come back is cancelled all the same', async (t) => {
  let isThere = false;
  const settings = { statementTimeoutMs: 1_000, maxDeaths: 100 };
  const { db, context, id } = await inBackground(t, 20, settings, async () => {
    isThere = true;
    return never();
  });
  await until(() => isThere);
  assert.equal(await cancel(context, ada, id), 'cancelling');
  assert.equal((await finished(db, id)).state, 'cancelled');
});

test('a hook that takes longer for a record than a statement may is waited for, a record at a time', async (t) => {
  const settings = { statementTimeoutMs: 2_000, staleAfterMs: 1_000 };
  const { db, id } = await inBackground(t, 3, settings, () => wait(2_500));
  const { state, changed, deaths } = await finished(db, id);
  assert.deepEqual([state, changed, deaths], ['succeeded', 3, 0]);
});

test('whoever changes records within a request whose hook does not come back is answered, and nobody is kept from their turn', async (t) => {
  let isHanging = true;
  const admin = adminWhose(() => (isHanging ? never() : Promise.resolve()));
  const { db } = await testDatabase(t);
  const context = testContext(db, { statementTimeoutMs: 500 }, {}, admin);
  await insertPlaces(db, 12);
  const launch = () => launchOn(context, context.registry.get('cities'), all, 'update', body);
  const count = turnsOf(db.pages.options.max) + 1;
  const answers = await Promise.allSettled(Array.from({ length: count }, launch));
  assert.deepEqual(
    answers.filter(({ status }) => status === 'fulfilled'),
    [],
  );
  isHanging = false;
  const { outcome, task } = await launch();
  assert.deepEqual([outcome, task.state, task.changed], ['inline', 'succeeded', 12]);
});

test('a save whose hook does not come back is answered in a sentence, and nobody is kept from their turn', async (t) => {
  let isHanging = true;
  const admin = adminWhose(() => (isHanging ? never() : Promise.resolve()));
  const { db, signIn } = await testApp(t, { admin });
  await insertPlaces(db, 12);
  const visitor = await signIn('admin');
  const save = (id: number) => visitor.post(`/cities/${id}/edit`, { ...placeForm, name: 'typed' });
  const count = turnsOf(db.pages.options.max) + 1;
  const answers = await Promise.all(Array.from({ length: count }, (_, index) => save(index + 1)));
  for (const answer of answers) assert.equal(answer.statusCode, 503);
  assert.match(
    answers[0]?.body ?? '',
    /This took longer than the 15 seconds that it may, and was given up\. Nothing was saved\./,
  );
  assert.match(answers[0]?.body ?? '', /value="typed"/);
  isHanging = false;
  assert.equal((await save(1)).statusCode, 303);
});
