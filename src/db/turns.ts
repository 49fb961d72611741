import type { Pool } from 'pg';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';

/** After this long, a waiter still tries the lock once: it may be free by now. */
const minMs = 100;

interface Line {
  free: number;
  waiting: Set<(hasTurn: boolean) => void>;
  lastMove: number;
}

const lines = new WeakMap<Pool, Line>();

/**
 * How many connections of a pool may wait for locks at once. The others stay free for pages,
 * whatever hangs.
 */
export function turnsOf(size: number): number {
  return Math.max(1, size - Math.max(1, Math.ceil(size / 4)));
}

/**
 * Runs work that may wait for a lock, a few at a time. `lockMs` is how long each of its statements
 * may wait. Throws AppError 'busy' (503) when no turn came: nobody ahead got on for that long.
 */
export async function inTurn<T>(pool: Pool, work: (lockMs: number) => Promise<T>): Promise<T> {
  const line = lines.get(pool) ?? {
    free: turnsOf(pool.options.max),
    waiting: new Set(),
    lastMove: performance.now(),
  };
  lines.set(pool, line);
  const since = performance.now();
  await takeTurn(line);
  try {
    return await work(
      Math.round(Math.max(minMs, limits.waiting.forLockMs - (performance.now() - since))),
    );
  } finally {
    giveTurn(line);
  }
}

async function takeTurn(line: Line): Promise<void> {
  if (line.free > 0) {
    line.free -= 1;
    return;
  }
  if (line.waiting.size >= limits.waiting.forLock) throw busy();
  let timer: NodeJS.Timeout | undefined;
  const hasTurn = await new Promise<boolean>((done) => {
    line.waiting.add(done);
    // The wait starts anew whenever somebody ahead is done.
    const look = () => {
      const leftMs = line.lastMove + limits.waiting.forLockMs + minMs - performance.now();
      if (leftMs <= 0) {
        line.waiting.delete(done);
        done(false);
      } else timer = setTimeout(look, leftMs);
    };
    timer = setTimeout(look, limits.waiting.forLockMs + minMs);
  });
  clearTimeout(timer);
  if (!hasTurn) throw busy();
}

function giveTurn(line: Line): void {
  line.lastMove = performance.now();
  const [next] = line.waiting;
  if (!next) {
    line.free += 1;
    return;
  }
  line.waiting.delete(next);
  next(true);
}

function busy(): AppError {
  return new AppError('busy', 503, limitTexts.held);
}
