import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../resources/define-resource.ts';
import type { LandedTask } from '../../resources/landing.ts';
import type { ResourceOptions } from '../../resources/options.ts';
import { DefinitionError } from '../../resources/problems.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { eventsIn, livePath } from '../../testing/live-pieces.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

type Landings = Pick<ResourceOptions, 'afterLaunch' | 'afterFinish'>;

const withLandings = (landings: Landings) => ({
  ...sample,
  schedules: [],
  taskHooks: [],
  resources: [
    defineResource(metadata, 'City', landings),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
});

async function setUp(t: TestContext, landings: Landings) {
  const app = await testApp(t, { admin: withLandings(landings) });
  await insertPlaces(app.db, 60);
  const editor = await app.signIn('editor');
  const launch = async (count: number, headers: Record<string, string> = {}) => {
    const path = `/cities/bulk-edit?_s=${await selectAs(editor, count)}`;
    const _op = await openAs(editor, path);
    const form = { _op, field: 'status', 'value.status': 'published' };
    return editor.post(path, form, headers);
  };
  const latest = async () =>
    (await app.db.pages.query<{ id: number }>(`select max(id) as id from ${app.db.t.task}`)).rows[0]
      ?.id as number;
  return { ...app, editor, launch, latest };
}

test('after a launch to the background one stays in the dialog, or is led to the task or to the list', async (t) => {
  let landing: 'dialog' | 'task-page' | 'list' = 'dialog';
  const asked: LandedTask[] = [];
  const { editor, launch, latest } = await setUp(t, {
    afterLaunch: (task) => {
      asked.push(task);
      return landing;
    },
  });
  const stays = await launch(30, htmx);
  assert.deepEqual([stays.statusCode, stays.headers['hx-redirect']], [202, undefined]);
  assert.match(stays.body, /task-\d+-progress/);
  const [task] = asked as [LandedTask];
  assert.deepEqual(
    [task.id, task.operation, task.state, Object.keys(task).length],
    [await latest(), 'update', 'queued', 6],
  );

  landing = 'task-page';
  const led = await launch(31, htmx);
  assert.deepEqual([led.headers['hx-redirect'], led.body], [`/tasks/${await latest()}`, '']);
  const plain = await launch(32);
  assert.deepEqual([plain.statusCode, plain.headers.location], [303, `/tasks/${await latest()}`]);

  landing = 'list';
  const listed = await launch(33, htmx);
  assert.match(String(listed.headers['hx-redirect']), /^\/cities\?_s=/);
  const list = await editor.get(String(listed.headers['hx-redirect']));
  assert.match(list.body, /role="status"[\s\S]*33 records/);
  assert.ok(list.body.includes(`href="/tasks/${await latest()}"`));
  const plainList = await launch(34);
  assert.match(String(plainList.headers.location), /^\/cities\?_s=/);
});

test('at its end whoever watches in the dialog is told by a toast, or led to the task, and nobody elsewhere is taken away', async (t) => {
  const { editor, launch, latest, ...app } = await setUp(t, { afterFinish: 'task-page' });
  const small = await launch(3, htmx);
  assert.equal(small.headers['hx-redirect'], `/tasks/${await latest()}`);
  const launched = await launch(30, htmx);
  const id = await latest();
  const asked = livePath(launched.body);
  assert.match(asked, new RegExp(`bar=${id}\\.launched\\.`));
  await workOff(app, id);
  const ended = (place: string) => editor.get(asked.replace('.launched.', `.${place}.`), htmx);
  const dialog = await ended('launched');
  const others = [await ended('page'), await ended('strip'), await ended('task')];
  const led = ({ statusCode, body }: typeof dialog) => [
    statusCode,
    eventsIn(body)['bulkhead:leave'],
  ];
  assert.deepEqual(led(dialog), [286, { href: `/tasks/${id}` }]);
  for (const other of others) assert.deepEqual(led(other), [286, undefined]);
  const toasts = await setUp(t, {});
  const done = await toasts.launch(3, htmx);
  assert.equal(done.headers['hx-redirect'], undefined);
  assert.ok(String(done.headers['hx-trigger']).includes('bulkhead:toast'));
});

test('a function that throws, or says anything else, leads where nothing is said', async (t) => {
  const { launch } = await setUp(t, {
    afterLaunch: () => 'elsewhere' as never,
    afterFinish: () => {
      throw new Error('no');
    },
  });
  const large = await launch(30, htmx);
  assert.deepEqual([large.statusCode, large.headers['hx-redirect']], [202, undefined]);
  const small = await launch(3, htmx);
  assert.deepEqual([small.statusCode, small.headers['hx-redirect']], [200, undefined]);
});

test('what can be no way to go on refuses the start', async (t) => {
  const { db } = await testDatabase(t);
  const given = { afterLaunch: 'away', afterFinish: async () => 'toast' } as never;
  assert.throws(
    () => testContext(db, {}, {}, withLandings(given)),
    (error) => {
      assert.ok(error instanceof DefinitionError);
      assert.deepEqual(error.problems, [
        'Resource City, afterLaunch: must be "dialog" or "task-page" or "list", or a function that says which.',
        'Resource City, afterFinish: must answer at once: it is async.',
      ]);
      return true;
    },
  );
});
