import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptLog } from '../testing/kept-log.ts';
import { until } from '../testing/until.ts';
import { passThrough } from './pass-through.ts';
import type { Around } from './watching.ts';

const span = { kind: 'task', name: 'tidy', ids: { taskId: 7 } } as const;

function within(around: Around) {
  const lines: string[] = [];
  const pass = passThrough(around, () => keptLog('error', lines));
  let runs = 0;
  const run = async () => {
    runs += 1;
    return 'done';
  };
  return { lines, given: pass(span, run), runs: () => runs, pass };
}

test('what is run stands, whatever around makes of it, and is run once', async () => {
  const wrong: [around: Around, said: RegExp | null][] = [
    [(_, run) => run(), null],
    [async (_, run) => void (await run()), null],
    [(_, run) => run().then(() => 'something else'), null],
    [() => 'nothing', /around has ended and not called run/],
    [
      () => {
        throw new Error('no tracer');
      },
      /no tracer/,
    ],
    [
      async (_, run) => {
        await run();
        throw new Error('cannot export');
      },
      /cannot export/,
    ],
    [(_, run) => Promise.all([run(), run()]), /run is called once for each task/],
    [
      async (_, run) => {
        await run();
        await run();
      },
      /run is called once for each task/,
    ],
  ];
  for (const [around, said] of wrong) {
    const { lines, given, runs } = within(around);
    assert.equal(await given, 'done');
    if (said) await until(() => lines.length > 0);
    assert.equal(runs(), 1);
    assert.equal(lines.length, said ? 1 : 0, lines.join());
    if (said) assert.match(lines[0] ?? '', said);
  }
});

test('an around that never comes to it holds nothing up for ever', async () => {
  const { lines, given, runs } = within(() => new Promise(() => undefined));
  assert.equal(await given, 'done');
  assert.equal(runs(), 1);
  assert.match(lines.join(), /around has not called run within 5 s/);
});

test('what is thrown is let through as it is, and is no mistake of around', async () => {
  const thrown = new Error('mine');
  const lines: string[] = [];
  const pass = passThrough(
    (_, run) => run(),
    () => keptLog('error', lines),
  );
  await assert.rejects(
    pass(span, async () => {
      throw thrown;
    }),
    (error) => error === thrown,
  );
  assert.deepEqual(lines, []);
});
