import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../../errors.ts';
import { keyOf } from '../../metadata/keys.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import type { OwnLaunch } from '../../tasks/own/own-launch.ts';
import { testApp } from '../../testing/app.ts';
import { finished, launchOn } from '../../testing/context.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { holding, ownTasksAdmin } from '../../testing/own-tasks-admin.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

test('when a task finished stands on its page and in its JSON, whichever way it ended', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  await insertPlaces(app.db, 60);
  await app.db.pages.query(
    `alter table gazetteer.city add constraint no_five check (id <> 5 or status = 'draft')`,
  );
  const editor = await app.signIn('editor');
  const json = async (id: number) =>
    (await editor.get(`/tasks/${id}`, { accept: 'application/json' })).json();
  const page = async (id: number) => (await editor.get(`/tasks/${id}`)).body;
  const now = async (): Promise<Date> =>
    (await app.db.pages.query('select clock_timestamp() as now')).rows[0].now;
  const launch = async (options: Partial<OwnLaunch> = {}) => {
    const launching = { principal: editor.principal, ...options };
    return (await launchOwn(app.context, holding, { country: 'ESP', ms: 1 }, launching)).id;
  };
  const refuse = async () => {
    const cities = app.context.registry.get('cities');
    const keys = [keyOf(cities.model, { id: 5 })];
    const body = { field: 'status', 'value.status': 'published' };
    const error: AppError = await launchOn(
      app.context,
      cities,
      { keys },
      'update',
      body,
      editor.principal,
    ).then(
      () => assert.fail('it was not refused'),
      (thrown) => thrown,
    );
    return error.details.taskId as number;
  };
  const ways: Record<string, readonly [() => Promise<number>, (id: number) => Promise<unknown>]> = {
    'a run': [launch, (id) => workOff(app, id)],
    'cancelled before it began': [
      () => launch({ delayMs: 3_600_000 }),
      (id) => editor.post(`/tasks/${id}/cancellation`),
    ],
    'by a worker': [() => launchAs(editor, 30, { from: 31 }), (id) => workOff(app, id)],
    'within the request': [() => launchAs(editor, 3), async () => undefined],
    'refused within the request': [refuse, async () => undefined],
  };
  for (const [way, [begin, end]] of Object.entries(ways)) {
    let before = await now();
    const id = await begin();
    if ((await json(id)).state === 'queued' || (await json(id)).state === 'scheduled') {
      assert.equal((await json(id)).finishedAt, null, way);
      assert.doesNotMatch(await page(id), />Finished<\/dt>/, way);
      before = await now();
    }
    await end(id);
    await finished(app.db, id, 20_000);
    const { finishedAt } = await json(id);
    assert.ok(before <= new Date(finishedAt), `${way}: ${finishedAt}`);
    assert.ok(new Date(finishedAt) <= (await now()), `${way}: ${finishedAt}`);
    const shown = />Finished<\/dt><dd[^>]*>\s*<time datetime="([^"]+)"/.exec(await page(id))?.[1];
    assert.equal(new Date(String(shown)).getTime(), new Date(finishedAt).getTime(), way);
  }
});
