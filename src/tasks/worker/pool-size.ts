import { availableParallelism } from 'node:os';
import { AppError } from '../../errors.ts';

/** Own tasks that a worker runs at a time, unless it is said. */
export function defaultPlaces(): number {
  return Math.min(8, availableParallelism());
}

interface Sizes {
  concurrency: number;
  places?: number | null | undefined;
  /** What is said; else it follows from the others. */
  poolSize?: number | null | undefined;
}

/**
 * Connections of a worker's pool, unless it is said: two for each runner, since a slot is taken or
 * given back beside a chunk; one for each place; one that each backend may keep.
 */
export function workerPoolSize(
  { concurrency, places, poolSize }: Sizes,
  backendCount: number,
): number {
  return poolSize ?? concurrency * 2 + 2 + (places ?? defaultPlaces()) + backendCount;
}

/**
 * The least with which nobody waits for what only who waits could give back: each runner and each
 * place holds one in its transaction, one is listened on, and one goes round.
 */
export function minWorkerPoolSize({ concurrency, places }: Sizes): number {
  return concurrency + (places ?? defaultPlaces()) + 2;
}

/** Throws AppError 'invalid-settings' for a pool that is too small for what runs on it. */
export function assertPoolSize(sizes: Sizes): void {
  const min = minWorkerPoolSize(sizes);
  if (!sizes.poolSize || sizes.poolSize >= min) return;
  const places = sizes.places ?? defaultPlaces();
  const wrong = `BULKHEAD_WORKER_POOL_SIZE: must be at least ${min} with BULKHEAD_WORKER_CONCURRENCY ${sizes.concurrency} and BULKHEAD_PLACES ${places}`;
  throw new AppError('invalid-settings', 500, `Settings that cannot be used: ${wrong}.`, {
    wrong: [wrong],
  });
}
