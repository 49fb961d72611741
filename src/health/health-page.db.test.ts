import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmx, testApp } from '../testing/app.ts';
import { whileWorking } from '../testing/while-working.ts';

test('admins see what is wrong and what to do, as a page, a piece and JSON; others see nothing', async (t) => {
  const site = await testApp(t);
  const admin = await site.signIn('admin');
  const page = await admin.get('/tasks/health');
  assert.match(page.body, /No worker is alive: nothing runs in the background\./);
  assert.match(page.body, /To do:\s+Start one: npm run work\./);
  const piece = await admin.get('/tasks/health', htmx);
  assert.match(piece.body, /^\s*<div id="health" hx-get="\/tasks\/health"/);
  const { findings, parts } = JSON.parse(
    (await admin.get('/tasks/health', { accept: 'application/json' })).body,
  );
  assert.deepEqual(
    findings.map(({ name, check }: Record<string, string>) => [name, check]),
    [['no-workers', 'workers']],
  );
  assert.ok(parts.length > 15);
  const isUnset = (part: { isUnset: boolean }) => part.isUnset;
  assert.deepEqual(
    parts.filter(isUnset).map(({ name }: Record<string, string>) => name),
    ['standbys', 'mail', 'webhook'],
  );
  const lines = page.body.split('<li').map((line) => line.replace(/<[^>]*>/g, ' '));
  for (const title of ['Standbys that reads go to', 'The mail server', 'The webhook'])
    assert.ok(
      lines.some((line) => line.includes(title) && /Not set/.test(line)),
      title,
    );
  assert.match((await admin.get('/tasks/overview')).body, /href="\/tasks\/health"/);
  for (const role of ['editor', 'viewer'] as const) {
    const visitor = await site.signIn(role);
    assert.equal((await visitor.get('/tasks/health')).statusCode, 404, role);
    assert.doesNotMatch((await visitor.get('/tasks/overview')).body, /\/tasks\/health/);
  }
});

test('where nothing is wrong the page says so', async (t) => {
  const site = await testApp(t);
  const admin = await site.signIn('admin');
  await whileWorking(site, async () => {
    const page = await admin.get('/tasks/health');
    assert.match(page.body, /Nothing is wrong\./);
    assert.match(page.body, /taken after \d+ ms, done after \d+ ms/);
  });
});
