import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from './admin.ts';
import { buildApp } from './app.ts';
import { systemPrincipal } from './auth/system-principal.ts';
import { buildContext } from './build-context.ts';
import { parseConfig } from './config.ts';
import {
  AppError,
  defineAdmin,
  defineChannel,
  definePage,
  defineTask,
  type ErrorPlace,
  type Span,
} from './index.ts';
import { launchOwn } from './tasks/own/launch-own.ts';
import { startWorker } from './tasks/worker/worker.ts';
import { launchOn } from './testing/context.ts';
import { testDatabase } from './testing/database.ts';
import { insertPlaces } from './testing/places.ts';
import { until } from './testing/until.ts';

const view = new URL('../views/errors/show.eta', import.meta.url);
const failing = defineTask({
  name: 'failing',
  params: z.object({ how: z.string() }),
  attempts: 1,
  run({ how }) {
    if (how === 'bug') throw new Error('bug of a task');
    if (how === 'refused') throw new AppError('refused', 422, 'Not today.');
  },
});

async function setUp(t: TestContext) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 40);
  const reported: { text: string; place: ErrorPlace }[] = [];
  const spans: Span[] = [];
  const page = (path: string, load: () => never) =>
    definePage({ path, label: 'Odd', view, load, allowed: () => true });
  const admin = defineAdmin({
    ...sample,
    schedules: [],
    tasks: [failing],
    notify: 'failing',
    channels: [
      defineChannel({
        name: 'failing',
        reaches: 'one-place',
        send() {
          throw new Error('bug of a channel');
        },
      }),
    ],
    taskHooks: [
      {
        name: 'failing',
        on: ['task:succeeded'],
        run() {
          throw new Error('bug of a hook');
        },
      },
    ],
    people: {
      getUser: async () => ada,
      refreshUser: async () => ada,
    },
    pages: [
      page('/bug', () => {
        throw new Error('bug of a page');
      }),
      page('/refusal', () => {
        throw new AppError('refused', 422, 'Not today.');
      }),
    ],
    reportError: (error, place) => void reported.push({ text: (error as Error).message, place }),
    async around(span, run) {
      spans.push(span);
      await run();
    },
  });
  const config = parseConfig({
    DATABASE_URL: connectionString,
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_SESSION_SECRET: 'a secret of tests that is long enough',
    BULKHEAD_MIN_ASYNC_RECORDS: '2',
  });
  const built = await buildContext(connectionString, config, admin, () => undefined);
  const { context } = built;
  const app = await buildApp({ admin, config, context });
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => built.db.close());
  defer(() => worker.stop());
  defer(() => app.close());
  return { app, context, reported, spans };
}

const ada = { id: 'ada', name: 'Ada', roles: ['admin'] };

test('each unexpected error is reported once with where it was met, no refusal is, and all parts are passed through', async (t) => {
  const { app, context, reported, spans } = await setUp(t);
  const of = (where: ErrorPlace['where']) => reported.filter(({ place }) => place.where === where);
  assert.equal((await app.inject('/bug')).statusCode, 500);
  assert.equal((await app.inject('/refusal')).statusCode, 422);
  assert.equal((await app.inject('/cities/nobody')).statusCode, 404);
  await until(() => of('request').length > 0);
  assert.deepEqual(
    of('request').map(({ text, place }) => [text, place.message]),
    [['bug of a page', 'request failed']],
  );
  assert.match(of('request')[0]?.place.requestId ?? '', /^[0-9a-f-]{36}$/);

  const launch = { principal: systemPrincipal('code') };
  const bug = await launchOwn(context, failing, { how: 'bug' }, launch);
  await launchOwn(context, failing, { how: 'refused' }, launch);
  await until(() => of('task').length > 0);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching' },
    'update',
    { field: 'notes', 'value.notes': 'new' },
    ada,
  );
  await until(() => of('hook').length > 0 && of('channel').length > 0);
  assert.deepEqual(
    of('task').map(({ text, place }) => [text, place.taskId, place.attempt]),
    [['bug of a task', bug.id, 1]],
  );
  assert.equal(of('hook')[0]?.place.taskId, task.id);
  assert.equal(of('channel')[0]?.text, 'bug of a channel');

  const passed = (kind: Span['kind']) => spans.filter((span) => span.kind === kind);
  assert.ok(passed('request').some(({ name }) => name === 'GET /bug'));
  assert.ok(passed('task').some(({ name, ids }) => name === 'failing' && ids.taskId === bug.id));
  assert.ok(passed('task').some(({ name, ids }) => name === 'update' && ids.taskId === task.id));
  assert.ok(passed('chunk').every(({ ids }) => ids.taskId === task.id && ids.workerId));
  assert.ok(passed('chunk').length > 0);
  assert.ok(passed('hook').some(({ name }) => name === 'failing'));
  assert.ok(passed('channel').some(({ name }) => name === 'failing'));
});
