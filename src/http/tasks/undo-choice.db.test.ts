import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

test('what is ticked on one page of an undo is kept on the others, and is what is undone; what is undone as a whole is not offered again', async (t) => {
  const { context, connectionString, db, signIn } = await testApp(t);
  await insertPlaces(db, 60);
  const editor = await signIn('editor');
  const id = await launchAs(editor, 60);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const path = `/tasks/${id}/undo`;
  try {
    await finished(db, id);
    const first = (await editor.get(path)).body;
    const turn = /name="_turn" value="([^"]+)">Next/.exec(first)?.[1];
    assert.equal(turn, '50');
    const second = (await editor.post(path, { _turn: '50', key: ['1', '2'] })).body;
    assert.match(second, /2 records ticked on other pages/);
    assert.deepEqual(
      [...second.matchAll(/name="ticked" value="([^"]+)"/g)].map(([, one]) => one),
      ['1', '2'],
    );
    const back = (await editor.post(path, { _turn: '', ticked: ['1', '2'], key: ['55'] })).body;
    assert.match(back, /value="1" checked[\s\S]*value="2" checked/);
    assert.match(back, /name="ticked" value="55"/);
    const _op = /name="_op" value="([^"]+)"/.exec(back)?.[1] ?? '';
    const sent = await editor.post(path, {
      _op,
      _which: 'chosen',
      ticked: ['55'],
      key: ['1', '2'],
    });
    const some = await finished(db, Number(/\d+$/.exec(String(sent.headers.location))?.[0]));
    assert.equal(some.changed, 3);
    // The rest can still be taken back.
    assert.match((await editor.get(`/tasks/${id}`)).body, /Undo…/);

    const other = await launchAs(editor, 25, {
      body: { field: 'status', 'value.status': 'archived' },
    });
    await finished(db, other);
    const page = (await editor.get(`/tasks/${other}/undo`)).body;
    const all = await editor.post(`/tasks/${other}/undo`, {
      _op: /name="_op" value="([^"]+)"/.exec(page)?.[1] ?? '',
      _which: 'all',
    });
    const undone = await finished(db, Number(/\d+$/.exec(String(all.headers.location))?.[0]));
    assert.equal(undone.changed, 25);
    assert.doesNotMatch((await editor.get(`/tasks/${other}`)).body, /Undo…/);
    assert.match((await editor.get(`/tasks/${undone.id}`)).body, /Undo…/);
  } finally {
    await worker.stop();
  }
});
