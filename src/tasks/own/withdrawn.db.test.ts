import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { eve, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import { cancel } from '../control/cancel.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const editor: Principal = { ...eve, roles: ['editor'] };

/** A task that waits until the person is another one, and then goes on writing. */
async function setUp(t: TestContext, then: Principal | null) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 3);
  let now: Principal | null = editor;
  const renaming = defineTask({
    name: 'renaming',
    params: z.object({}),
    attempts: 1,
    allowed: ({ roles }) => roles.includes('editor'),
    async run(_, task) {
      await task.change('cities', ['1'], { notes: 'before' });
      now = then;
      // Deaf: it goes on as if nothing had happened, until a call of ours stops it.
      for (let n = 0; n < 200; n++) {
        await wait(50);
        await task.change('cities', ['2'], { notes: `after ${n}` });
      }
    },
  });
  const admin = { ...sample, schedules: [], taskHooks: [], notify: 'none', tasks: [renaming] };
  const context = testContext(db, { personAgainMs: 0 }, {}, admin);
  context.people.findUser = async () => now;
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  defer(() => worker.stop());
  const { id } = await launchOwn(context, renaming, {}, { principal: editor });
  const { state, message } = await finished(db, id);
  const { rows } = await db.pages.query<{ notes: string | null }>(
    'select notes from gazetteer.city where id < 3 order by id',
  );
  return { state, message, notes: rows.map(({ notes }) => notes) };
}

test('a run whose person may not sign in any more writes nothing further', async (t) => {
  const { state, message, notes } = await setUp(t, null);
  assert.match(state, /cancelled|failed/);
  assert.match(message ?? '', /Eve may not sign in any more\./);
  assert.deepEqual(notes, ['before', null]);
});

test('a run whose person has lost the right to launch it is cancelled', async (t) => {
  const { state, message, notes } = await setUp(t, { ...editor, roles: ['viewer'] });
  assert.match(state, /cancelled|failed/);
  assert.match(message ?? '', /Eve may not (do this any more|change Cities)\./);
  assert.deepEqual(notes, ['before', null]);
});

test('a run that writes nothing of ours is cancelled by its signal', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  let now: Principal | null = editor;
  const waiting = defineTask({
    name: 'waiting',
    params: z.object({}),
    async run(_, { signal }) {
      now = null;
      await wait(60_000, null, { signal });
    },
  });
  const admin = { ...sample, schedules: [], taskHooks: [], notify: 'none', tasks: [waiting] };
  const context = testContext(db, { personAgainMs: 0 }, {}, admin);
  context.people.findUser = async () => now;
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  defer(() => worker.stop());
  const { id } = await launchOwn(context, waiting, {}, { principal: editor });
  const { state, message } = await finished(db, id);
  assert.deepEqual([state, message], ['cancelled', 'Eve may not sign in any more.']);
});

test('a run is cancelled by hand all the same where who its person is gets no answer', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const hangs = Promise.withResolvers<null>();
  let isAsked = false;
  const waiting = defineTask({
    name: 'waiting',
    params: z.object({}),
    async run(_, { signal }) {
      context.people.findUser = () => {
        isAsked = true;
        return hangs.promise;
      };
      await wait(60_000, null, { signal });
    },
  });
  const admin = { ...sample, schedules: [], taskHooks: [], notify: 'none', tasks: [waiting] };
  const context = testContext(db, { personAgainMs: 0 }, {}, admin);
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  defer(async () => {
    hangs.resolve(null);
    await worker.stop();
  });
  const { id } = await launchOwn(context, waiting, {}, { principal: editor });
  await until(async () => isAsked);
  await cancel(context, editor, id);
  const { state, message } = await finished(db, id);
  assert.deepEqual([state, message], ['cancelled', 'Cancelled by Eve.']);
});
