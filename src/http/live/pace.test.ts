import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BrowserPace, createPace, type LivePiece } from '../../testing/browser-pace.ts';

const bar: LivePiece = { id: 'bar', live: 'bar=1', everyMs: 60_000 };
const bell: LivePiece = { id: 'bell', live: 'bell=0', everyMs: 300_000 };

/** In how many intervals of the bar it is asked for next, whatever is added or taken at random. */
function assertIn(pace: BrowserPace, intervals: number, isHidden = false): void {
  const share = (pace.nextAt([bar], isHidden) - Date.now()) / bar.everyMs / intervals;
  assert.ok(share > 0.8 && share < 1.2, `${share} times ${intervals}`);
}

test('what does not move is asked for more and more seldom, down to a fifth as often, until it moves', () => {
  const pace = createPace();
  for (const intervals of [1.5, 2.25, 3.375, 5, 5]) {
    pace.asked(bar, false);
    assertIn(pace, intervals);
  }
  pace.asked(bar, true);
  assertIn(pace, 1);
});

test('pages that were opened together do not ask together', () => {
  const times = Array.from({ length: 50 }, () => createPace().nextAt([bar], false));
  assert.ok(Math.max(...times) - Math.min(...times) > bar.everyMs / 10);
});

test('a tab that nobody sees waits half a minute at least, and asks for all that waits when somebody looks', () => {
  const pace = createPace();
  const quick = { ...bar, everyMs: 1_000 };
  assert.ok(pace.nextAt([quick], true) - Date.now() > 29_000);
  assert.deepEqual(pace.wanted([quick, bell], false).wanted, []);
  pace.hurry();
  assert.deepEqual(pace.wanted([quick, bell], false), {
    wanted: [quick, bell],
    query: 'bar=1&bell=0',
  });
});

test('tries in vain are further and further apart, half a minute at last, or as a server says', () => {
  const pace = createPace();
  pace.nextAt([bar], false);
  pace.hurry();
  const wait = () => pace.nextAt([bar], false) - Date.now();
  const waits = Array.from({ length: 8 }, () => {
    pace.lost(null);
    return wait();
  });
  assert.ok((waits[0] as number) < 1_500, `${waits[0]}`);
  assert.ok((waits[3] as number) > 5_000 && (waits[7] as number) < 36_000, waits.join());
  pace.lost('100');
  assert.ok(wait() > 99_000);
  pace.lost(new Date(Date.now() + 200_000).toUTCString());
  assert.ok(wait() > 190_000);
  pace.answered();
  assert.ok(wait() <= 0);
});

test('what fits into no address is asked for by the next request, and what several share once', () => {
  const pace = createPace();
  const rows = Array.from({ length: 100 }, (_, n) => ({
    id: `row-${n}`,
    live: `records=cities&row=${n}.${'x'.repeat(200)}`,
    everyMs: 2_000,
  }));
  pace.nextAt(rows, false);
  pace.hurry();
  const first = pace.wanted(rows, false);
  assert.ok(first.query.length < 9_000);
  assert.equal(first.query.match(/records=/g)?.length, 1);
  for (const row of first.wanted) pace.asked(row, true);
  const second = pace.wanted(rows, false);
  assert.ok(second.wanted.length > 0);
  assert.deepEqual(
    second.wanted.filter((row) => first.wanted.includes(row)),
    [],
  );
});
