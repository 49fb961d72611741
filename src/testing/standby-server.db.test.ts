import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPrimary, startStandby } from './standby-server.ts';

test('a standby has what its primary had and gets, refuses writes, and takes them once it is promoted', async (t) => {
  const primary = await startPrimary();
  t.after(() => primary.stop());
  await primary.query('create table kept as select 1 as one');
  const standby = await startStandby(primary);
  t.after(() => standby.stop());
  await primary.query('insert into kept values (2)');
  await standby.catchUp();
  assert.deepEqual(await standby.query('select one from kept order by one'), [
    { one: 1 },
    { one: 2 },
  ]);
  await assert.rejects(standby.query('insert into kept values (3)'), { code: '25006' });
  await standby.promote();
  await standby.query('insert into kept values (3)');
});

test('what a primary acknowledged is on a synchronous standby when it is killed', async (t) => {
  const primary = await startPrimary();
  t.after(() => primary.stop());
  await primary.query('create table kept (one int)');
  const standby = await startStandby(primary, { isSynchronous: true });
  t.after(() => standby.stop());
  let last = 0;
  const writing = (async () => {
    for (let next = 1; ; next++) {
      await primary.query('insert into kept values ($1)', [next]);
      last = next;
    }
  })().catch(() => undefined);
  while (last < 20) await new Promise((done) => setTimeout(done, 10));
  await primary.kill();
  await writing;
  await standby.promote();
  const [found] = await standby.query<{ last: number }>('select max(one) as last from kept');
  assert.ok((found?.last ?? 0) >= last);
  const second = await startStandby(standby, { port: primary.port });
  t.after(() => second.stop());
  await second.catchUp();
  assert.deepEqual(await second.query('select pg_is_in_recovery() as "isStandby"'), [
    { isStandby: true },
  ]);
});
