import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../admin.ts';
import type { Database } from '../db/database.ts';
import { defineAdmin, defineTask } from '../index.ts';
import type { Browser } from './browse.ts';
import { finished } from './context.ts';
import { formOf } from './html-form.ts';

/** Ends at once, or when it is stopped. */
export const greet = defineTask({
  name: 'greet',
  params: z.object({ forMs: z.coerce.number().default(0) }),
  title: 'Greet',
  launchable: { allowed: () => true },
  async run({ forMs }, task) {
    task.progress(1, 2, 'Greeting');
    if (forMs > 0) await wait(forMs, null, { signal: task.signal });
  },
});

export const mountedAdmin = defineAdmin({
  ...sample,
  schedules: [],
  taskHooks: [],
  notify: 'none',
  tasks: [greet],
});

/** What htmx sends with each request of a page, and each form without it. */
export const tokenIn = (html: string): string =>
  /x-csrf-token&quot;:&quot;([^&]+)/.exec(html)?.[1] ?? '';

const taskIn = (location: string | null) => Number(/\/tasks\/(\d+)/.exec(location ?? '')?.[1]);

/**
 * What people come for: a list, a save with what the next page says of it, a bulk edit to its end,
 * a task of the project's own, and taking the edit back. There are three places, and a worker.
 */
export async function walkMounted(
  { get, post }: Browser,
  prefix: string,
  db: Database,
): Promise<void> {
  const note = `${prefix} at work`;
  const notes = async () =>
    (await db.pages.query('select notes from gazetteer.city order by id')).rows.map(
      ({ notes }) => notes,
    );
  const list = await get(`${prefix}/cities`);
  assert.equal(list.status, 200, list.text);
  assert.match(list.text, /Place 2/);
  assert.ok(list.text.includes(`href="${prefix}/cities/1`));
  const style = /href="([^"]+styles\.css[^"]*)"/.exec(list.text)?.[1] ?? '';
  assert.equal((await get(style)).status, 200);

  const edit = await get(`${prefix}/cities/1/edit`);
  const saved = await post(`${prefix}/cities/1/edit`, {
    ...formOf(edit.text, 'record-form'),
    name: `Seen ${prefix}`,
  });
  assert.equal(saved.status, 303, saved.text);
  assert.match((await get(saved.location ?? '')).text, /role="status">[\s\S]*?saved/i);
  assert.doesNotMatch((await get(saved.location ?? '')).text, /alert-success/);

  const before = await notes();
  const { location } = await post(`${prefix}/cities/selection`, {
    _csrf: tokenIn(list.text),
    _do: 'matching',
    _list: '',
  });
  const path = `${prefix}/cities/bulk-edit?${/_s=[0-9a-f-]+/.exec(location ?? '')?.[0]}`;
  const dialog = await get(path);
  const launched = await post(path, {
    _csrf: tokenIn(dialog.text),
    _op: /name="_op" value="([^"]+)"/.exec(dialog.text)?.[1] ?? '',
    field: 'notes',
    'value.notes': note,
  });
  assert.equal(launched.status, 303, launched.text);
  const bulk = taskIn(launched.location);
  assert.equal((await finished(db, bulk)).state, 'succeeded');
  assert.deepEqual(await notes(), [note, note, note]);

  const own = await post(`${prefix}/tasks/new/greet`, { _csrf: tokenIn(dialog.text) });
  assert.equal(own.status, 303, own.text);
  assert.equal((await finished(db, taskIn(own.location))).state, 'succeeded');

  const undo = await get(`${prefix}/tasks/${bulk}/undo`);
  const undone = await post(`${prefix}/tasks/${bulk}/undo`, {
    _csrf: tokenIn(undo.text),
    ...operationIn(undo.text),
  });
  assert.equal(undone.status, 303, undone.text);
  assert.equal((await finished(db, taskIn(undone.location))).state, 'succeeded');
  assert.deepEqual(await notes(), before);
}

function operationIn(html: string): Record<string, string> {
  const id = /name="_op" value="([^"]+)"/.exec(html)?.[1];
  return id === undefined ? {} : { _op: id };
}
