import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';

test('the navigation leads to the tasks and to every resource, and says where its reader is', async (t) => {
  const { db, context, signIn } = await testApp(t, { env: { BULKHEAD_PREFIX: '/back-office' } });
  await insertPlaces(db, 1);
  const visitor = await signIn('viewer');
  const navigationOf = async (path: string, by = visitor) => {
    const { body, statusCode } = await by.get(`/back-office${path}`);
    assert.equal(statusCode, 200, path);
    const links = [
      ...(/<nav class="sidenav"[\s\S]+?<\/nav>/
        .exec(body)?.[0]
        .matchAll(/<a href="\/back-office([^"]+)"( aria-current="page")?>/g) ?? []),
    ];
    return {
      links: links.map(([, to]) => String(to)),
      current: links.filter(([, , isCurrent]) => isCurrent).map(([, to]) => to),
    };
  };
  const { links } = await navigationOf('/');
  const slugs = context.registry.listFor(visitor.principal).map(({ slug }) => `/${slug}`);
  assert.ok(slugs.length > 1);
  assert.deepEqual(links, ['/', ...slugs, '/tasks', '/tasks/overview']);
  for (const link of links) assert.deepEqual((await navigationOf(link)).current, [link]);
  assert.deepEqual((await navigationOf('/cities/1')).current, ['/cities']);
  const { current } = await navigationOf('/tasks/queues/bulk/pause', await signIn('admin'));
  assert.deepEqual(current, ['/tasks/overview']);
});
