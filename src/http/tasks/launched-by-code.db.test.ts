import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { defineResource } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { type CodeLaunch, launchFromCode } from '../../tasks/launching/launch-from-code.ts';
import { testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';

const others = sample.resources.filter(({ model }) => model !== 'City');

/** Editors know the first twenty places alone; what was launched about places, everybody. */
const admin = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', {
      permissions: () => actions,
      scope: ({ roles }) => (roles.includes('editor') ? { id: { lte: 20 } } : {}),
      tasks: ({ roles }) => roles.includes('editor') || roles.includes('admin'),
    }),
    ...others,
  ],
};

async function setUp(t: Parameters<typeof testApp>[0], given: Partial<CodeLaunch> = {}) {
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, 60);
  await app.db.pages.query(
    `alter table gazetteer.city add constraint odd_ones check (id not in (5, 50) or status <> 'archived') not valid`,
  );
  const launched = await launchFromCode(app.context, {
    resource: 'cities',
    operation: 'update',
    where: { population: { lte: 55 } },
    parameters: { status: 'archived' },
    principal: systemPrincipal('nightly'),
    ...given,
  });
  const { id } = launched.task;
  const run = () => runAtOnce(app.context, Promise.resolve(launched));
  /** Runs the task that a form has just launched. */
  const runNext = async (answer: { statusCode: number; body: string }) => {
    assert.equal(answer.statusCode, 202, answer.body);
    const { rows } = await app.db.pages.query(
      `select id from ${app.db.t.task} order by id desc limit 1`,
    );
    return runAtOnce(app.context, Promise.resolve({ ...launched, task: rows[0] }));
  };
  return { ...app, id, run, runNext };
}

const json = { accept: 'application/json' };
/** Without marks: what somebody reads. */
const textOf = (body: string) => body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

test('the page of a task says that code chose its records, how many once they are counted, and leads to no list', async (t) => {
  const { id, run, signIn } = await setUp(t);
  const visitor = await signIn('admin');
  const { body: before } = await visitor.get(`/tasks/${id}`);
  assert.match(textOf(before), /Which records Cities, chosen by code /);
  assert.match(
    textOf(before),
    /(Processing records in the background|Waiting for a worker: records)/,
  );
  assert.match(textOf(before), /not counted/);
  assert.match(before, /: not counted"/);
  assert.doesNotMatch(textOf(before), /\b0 (of 0|records)/);
  assert.doesNotMatch(before, /href="\/cities\?|Back to cities/);
  assert.match(
    textOf((await visitor.get('/tasks')).body),
    /Edit cities .*not counted .*system: nightly/,
  );
  const { expected, ...asJson } = (await visitor.get(`/tasks/${id}`, json)).json();
  assert.deepEqual([expected, asJson.total, asJson.percent], [undefined, 0, 0]);
  await run();
  const { body: after } = await visitor.get(`/tasks/${id}`);
  assert.match(textOf(after), /Which records Cities, 55 records: chosen by code /);
  assert.match(textOf(after), /By system: nightly/);
  assert.doesNotMatch(after, /href="\/cities\?|Back to cities/);
  assert.match(
    textOf((await visitor.get('/tasks')).body),
    /Status → archived · 55 cities .*system: nightly/,
  );
  assert.match(textOf((await visitor.get('/cities/1/history')).body), /system: nightly changed it/);
});

test('keys and filters that code gives are said so too', async (t) => {
  const { context, id, run, signIn } = await setUp(t, {
    where: undefined as never,
    keys: [1, 2, 3],
  });
  const visitor = await signIn('admin');
  await run();
  assert.match(
    textOf((await visitor.get(`/tasks/${id}`)).body),
    /Cities, 3 records: chosen by code /,
  );
  const launching = launchFromCode(context, {
    resource: 'cities',
    operation: 'update',
    filter: 'status=archived',
    parameters: { featured: true },
    principal: systemPrincipal('nightly'),
  });
  const { id: other } = await runAtOnce(context, launching);
  const { body } = await visitor.get(`/tasks/${other}`);
  assert.match(textOf(body), /Cities, 3 records: chosen by code /);
  assert.doesNotMatch(body, /href="\/cities\?|Back to cities/);
});

test('whoever sees tasks of others sees it, and nobody else', async (t) => {
  const { id, signIn } = await setUp(t);
  const [viewer, whole] = [await signIn('viewer'), await signIn('admin')];
  for (const end of ['', '/progress', '/changes']) {
    assert.equal((await viewer.get(`/tasks/${id}${end}`, json)).statusCode, 404, end);
    assert.notEqual((await whole.get(`/tasks/${id}${end}`, json)).statusCode, 404, end);
  }
  assert.equal((await viewer.post(`/tasks/${id}/cancellation`)).statusCode, 404);
  assert.equal((await whole.post(`/tasks/${id}/cancellation`, {}, json)).json().state, 'cancelled');
});

test('a person tries again what was refused, as themselves', async (t) => {
  const { db, id, run, runNext, signIn } = await setUp(t);
  const done = await run();
  assert.deepEqual([done.state, done.changed, done.failed], ['partial', 53, 2]);
  await db.pages.query('alter table gazetteer.city drop constraint odd_ones');
  const editor = await signIn('editor');
  const again = await runNext(
    await editor.post(`/tasks/${id}/retry`, { _op: randomUUID(), code: '' }, json),
  );
  // The other one is not theirs to change.
  assert.deepEqual(
    [again.changed, again.principalName, again.followsId, again.selection?.kind],
    [1, 'Editor', id, 'refused'],
  );
  const whole = await signIn('admin');
  const last = await runNext(
    await whole.post(`/tasks/${id}/retry`, { _op: randomUUID(), code: '' }, json),
  );
  assert.deepEqual([last.changed, last.principalName], [1, 'Admin']);
});

test('a person takes it back, as far as their scope goes', async (t) => {
  const { db, id, run, runNext, signIn } = await setUp(t);
  await run();
  const editor = await signIn('editor');
  const taken = await runNext(
    await editor.post(`/tasks/${id}/undo`, { _op: randomUUID(), _which: 'all' }, json),
  );
  assert.deepEqual([taken.changed, taken.principalName], [19, 'Editor']);
  const whole = await signIn('admin');
  const rest = await runNext(
    await whole.post(`/tasks/${id}/undo`, { _op: randomUUID(), _which: 'all' }, json),
  );
  assert.deepEqual([rest.changed, rest.unchanged], [34, 19]);
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where status = 'archived'`,
  );
  assert.deepEqual(rows, [{ n: 0 }]);
});

test('what the system deleted is brought back by who sees every record', async (t) => {
  const { db, id, run, runNext, signIn } = await setUp(t, { operation: 'delete', parameters: {} });
  await run();
  const form = () => ({ _op: randomUUID(), _which: 'all' });
  const editor = await signIn('editor');
  assert.equal((await editor.post(`/tasks/${id}/undo`, form(), json)).statusCode, 403);
  const whole = await signIn('admin');
  assert.equal((await runNext(await whole.post(`/tasks/${id}/undo`, form(), json))).changed, 55);
  const { rows } = await db.pages.query('select count(*)::int as n from gazetteer.city');
  assert.deepEqual(rows, [{ n: 60 }]);
});
