import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { limitTexts, retryAfterSeconds } from '../../limits.ts';
import { testApp } from '../../testing/app.ts';
import { until } from '../../testing/until.ts';

/** Longer than anything may wait for its turn on average. */
const blockMs = 1_500;

/** Nothing else of this process has its turn meanwhile. */
async function block(): Promise<void> {
  for (const end = performance.now() + blockMs; performance.now() < end; );
  await wait(1);
}

test('a process that gets nothing done for a while refuses pages and says when to come again, answers probes and files, and takes pages again once it rests', async (t) => {
  const { app, signIn } = await testApp(t);
  const visitor = await signIn('admin');
  const file = /href="([^"]+\.css[^"]*)"/.exec((await visitor.get('/')).body)?.[1] ?? '';
  let answer = await visitor.get('/');
  for (let times = 0; times < 20 && answer.statusCode === 200; times++) {
    await block();
    answer = await visitor.get('/cities');
  }
  assert.equal(answer.statusCode, 503);
  assert.equal(answer.headers['retry-after'], String(retryAfterSeconds));
  assert.ok(answer.body.includes(limitTexts.loop));
  const saved = await visitor.post('/tags/new', { name: 'typed' });
  assert.equal(saved.statusCode, 503);
  for (const path of ['/healthz', file])
    assert.equal((await app.inject(path)).statusCode, 200, path);
  await until(async () => (await visitor.get('/cities')).statusCode === 200);
});
