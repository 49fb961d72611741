import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool } from 'pg';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';

/** So many turns at a time; who came first is next. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<(hasTurn: boolean) => void>();
  #lastMove = performance.now();
  /** Milliseconds that one waits for a turn. */
  readonly waitMs: number;
  readonly #isRenewed: boolean;

  /** `isRenewed`: the wait starts anew whenever somebody ahead is done. */
  constructor(count: number, waitMs: number, { isRenewed = false } = {}) {
    this.#free = count;
    this.waitMs = waitMs;
    this.#isRenewed = isRenewed;
  }

  get areTaken(): boolean {
    return this.#free === 0;
  }

  /** False: none came in that long, or as many wait as may. */
  async take(): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    if (this.#waiting.size >= limits.waiting.forLock) return false;
    const since = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const hasTurn = await new Promise<boolean>((done) => {
      this.#waiting.add(done);
      const look = () => {
        const from = this.#isRenewed ? Math.max(this.#lastMove, since) : since;
        const leftMs = from + this.waitMs - performance.now();
        if (leftMs <= 0) {
          this.#waiting.delete(done);
          done(false);
        } else timer = setTimeout(look, leftMs);
      };
      look();
    });
    clearTimeout(timer);
    return hasTurn;
  }

  give(): void {
    this.#lastMove = performance.now();
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next(true);
  }
}

/** After this long, a waiter still tries the lock once: it may be free by now. */
const minMs = 100;

const lines = new WeakMap<Pool, Turns>();

/**
 * How many connections of a pool may wait for locks at once. The others stay free for pages,
 * whatever hangs.
 */
export function turnsOf(size: number): number {
  return Math.max(1, size - Math.max(1, Math.ceil(size / 4)));
}

/** Pools whose transactions take turns, unless they say that they wait for nobody. */
const inLine = new WeakSet<Pool>();
/** The pool whose turn it is that code runs in. */
const having = new AsyncLocalStorage<Pool>();

/** From now on no transaction on this pool waits for a lock but in its turn. */
export function letTakeTurns(pool: Pool): void {
  inLine.add(pool);
}

export function takesTurns(pool: Pool): boolean {
  return inLine.has(pool);
}

/** Runs what those who wait may wait for: it stands in no line with them. */
export function besideTurns<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  return having.run(pool, work);
}

/**
 * Runs work that may wait for a lock, a few at a time. `lockMs` is how long each of its statements
 * may wait. Throws AppError 'busy' (503) when no turn came: nobody ahead got on for that long.
 */
export async function inTurn<T>(pool: Pool, work: (lockMs: number) => Promise<T>): Promise<T> {
  // What is done within a turn is done in it.
  if (having.getStore() === pool) return work(limits.waiting.forLockMs);
  const line = lineOf(pool);
  const since = performance.now();
  if (!(await line.take())) throw busy();
  try {
    const lockMs = Math.max(minMs, limits.waiting.forLockMs - (performance.now() - since));
    return await having.run(pool, () => work(Math.round(lockMs)));
  } finally {
    line.give();
  }
}

function lineOf(pool: Pool): Turns {
  const known = lines.get(pool);
  if (known) return known;
  const waitMs = limits.waiting.forLockMs + minMs;
  const line = new Turns(turnsOf(pool.options.max), waitMs, { isRenewed: true });
  lines.set(pool, line);
  return line;
}

function busy(): AppError {
  return new AppError('busy', 503, limitTexts.held);
}
