import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { type DuplicatePolicy, defineResource } from '../../index.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const publish = { field: 'status', 'value.status': 'published' };
const json = { accept: 'application/json' };

async function setUp(t: TestContext, policy: DuplicatePolicy) {
  const cities = defineResource(metadata, 'City', {
    bulk: { unique: { key: () => 'one', policy } },
  });
  const resources = [cities, ...sample.resources.filter(({ model }) => model !== 'City')];
  const app = await testApp(t, { admin: { ...sample, schedules: [], resources } });
  await insertPlaces(app.db, 60);
  const editor = await app.signIn('editor');
  const send = async (count: number, headers: Record<string, string> = {}) => {
    const path = `/cities/bulk-edit?_s=${await selectAs(editor, count)}`;
    return editor.post(path, { _op: await openAs(editor, path), ...publish }, headers);
  };
  /** The answer to a program, to htmx, and what is read at last without JavaScript. */
  const answers = async (count: number) => {
    const [program, dialog, plain] = [
      await send(count, json),
      await send(count, htmx),
      await send(count),
    ];
    const { location } = plain.headers;
    const page = location ? await editor.get(String(location)) : plain;
    return {
      codes: [program, dialog, plain].map(({ statusCode }) => statusCode),
      bodies: [program, dialog, page].map(({ body }) => body),
    };
  };
  assert.equal((await send(30)).headers.location, '/tasks/1');
  const begin = () =>
    app.db.pages.query(
      `update ${app.db.t.task} set state = 'running', started_at = now() where id = 1`,
    );
  return { ...app, editor, answers, begin };
}

test('that the same is refused, and as which task it is under way, is said with and without JavaScript', async (t) => {
  const { answers, db } = await setUp(t, 'refuse');
  for (const count of [3, 40]) {
    const { codes, bodies } = await answers(count);
    assert.deepEqual(codes, [409, 409, 409]);
    for (const body of bodies)
      assert.match(body, /The same is under way already, as task 1\. Nothing was started/);
  }
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 1);
});

test('that a change waits for the same is said with and without JavaScript', async (t) => {
  const { answers } = await setUp(t, 'after');
  const large = await answers(40);
  assert.deepEqual(large.codes, [202, 202, 303]);
  for (const body of large.bodies)
    assert.match(body, /The same is under way already: this waits for its end/);
  const small = await answers(3);
  assert.deepEqual(small.codes, [202, 202, 303]);
  for (const body of small.bodies)
    assert.match(
      body,
      /waits for its end\. So this is not made at once, and is all or nothing when its turn comes/,
    );
});

test('that a change takes the place of the same is said with and without JavaScript', async (t) => {
  const { answers, begin } = await setUp(t, 'replace');
  const { bodies } = await answers(40);
  for (const body of bodies)
    assert.match(body, /The same that had not begun was cancelled: this takes its place/);
  await begin();
  assert.match((await answers(40)).bodies[2] as string, /takes its place/);
});

test('that a change starts over is said with and without JavaScript', async (t) => {
  const { answers, begin } = await setUp(t, 'start-over');
  await begin();
  const { codes, bodies } = await answers(40);
  assert.deepEqual(codes, [202, 202, 303]);
  for (const body of bodies)
    assert.match(body, /what it did is taken back first, and this begins then/);
});
