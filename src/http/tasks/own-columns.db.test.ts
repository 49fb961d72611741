import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PrismaClient } from '../../../generated/sample/client.ts';
import sample from '../../admin.ts';
import { checkAdmin } from '../../admin-definition.ts';
import type { TaskColumn } from '../../task-columns.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';

test('the page of all tasks has columns of the project’s, each asked once', async (t) => {
  const asked: number[][] = [];
  const taskColumns: TaskColumn[] = [
    {
      name: 'order',
      label: 'Order <no>',
      async value(tasks, { client }) {
        asked.push(tasks.map(({ id }) => id));
        const count = await (client as unknown as PrismaClient).city.count();
        return new Map(tasks.slice(1).map(({ id, title }) => [id, `<b>${title}, ${count}`]));
      },
    },
    { name: 'broken', label: 'Broken', value: () => assert.fail('no order today') },
    { name: 'list', label: 'List', value: () => [] as never },
    { name: 'slow', label: 'Slow', value: () => new Promise(() => undefined) },
  ];
  const { db, context, signIn } = await testApp(t, {
    admin: { ...sample, schedules: [], taskColumns },
  });
  await insertPlaces(db, 30);
  const viewer = await signIn('admin');
  const ids: number[] = [];
  for (const status of ['archived', 'reviewed']) {
    const cities = context.registry.get('cities');
    const body = { field: 'status', 'value.status': status };
    const all = { kind: 'matching' } as const;
    const { task } = await launchOn(context, cities, all, 'update', body, viewer.principal, {
      inBackground: true,
    });
    ids.unshift(task.id);
  }
  for (const [path, headers] of [
    ['/tasks', {}],
    ['/tasks/live?list=', htmx],
  ] as const) {
    const { statusCode, body } = await viewer.get(path, headers);
    assert.ok(statusCode === 200, String(statusCode));
    assert.deepEqual(asked.splice(0), [ids], 'once, with all tasks of the page');
    assert.match(body, /<th scope="col">Order &lt;no&gt;<\/th>/);
    assert.equal(
      body.match(/<td data-label="Order &lt;no&gt;">&lt;b&gt;[^<]*, 30<\/td>/g)?.length,
      1,
    );
    assert.equal(body.match(/<td data-label="Order &lt;no&gt;"><\/td>/g)?.length, 1);
    for (const label of ['Broken', 'List', 'Slow'])
      assert.equal(body.split(`<td data-label="${label}">could not be read</td>`).length, 3, label);
  }
});

test('columns that cannot be shown refuse the start in a sentence', () => {
  const value = () => new Map();
  for (const [taskColumns, said] of [
    [{}, /taskColumns must be a list/],
    [[{ label: 'A', value }], /taskColumns\[0\]: name begins with a letter/],
    [[{ name: 'a', label: '', value }], /label must be a text/],
    [[{ name: 'a', label: 'A' }], /value must be a function/],
    [
      [
        { name: 'a', label: 'A', value },
        { name: 'a', label: 'B', value },
      ],
      /taskColumns\[1\]: another column has this name/,
    ],
  ] as const)
    assert.throws(
      () => checkAdmin({ ...sample, schedules: [], taskColumns: taskColumns as never }),
      said,
    );
});
