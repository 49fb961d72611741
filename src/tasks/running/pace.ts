/**
 * How many records a runner puts into one transaction: what it has learnt from the chunks before.
 */
export interface Pace {
  rows: number;
  /**
   * A record was refused of late: look for refused records from the start instead of trying a whole
   * chunk first.
   */
  isCareful: boolean;
  seen: PaceSums;
}

/**
 * Sums over the chunks before, the older the less, for the line that runs through their sizes and
 * times.
 */
interface PaceSums {
  weight: number;
  rows: number;
  ms: number;
  rowsSquared: number;
  rowsMs: number;
  /** What a record adds to a chunk, as far as is known. */
  perRowMs: number | null;
}

export interface ChunkTimes {
  /** Records of the chunk. */
  rows: number;
  /** From its begin to its commit. */
  tookMs: number;
  /** Somebody stood and waited for a record of it. */
  isWaitedFor: boolean;
  wasRefused: boolean;
}

/** Records of a task that is all or nothing: all of them are one chunk. */
export const wholeTask = 1_000_000_000;

/** What is left of a task from the slices before. */
export interface Past {
  /** Its latest chunks, the last one last. */
  chunks: readonly Pick<ChunkTimes, 'rows' | 'tookMs'>[];
  /** Slices that ended in trouble since. */
  deaths: number;
}

/** A smaller chunk is hardly shorter; only where a statement takes too long are there fewer. */
const minRows = 10;
/** Records of a first chunk. */
const firstRows = 250;
/** Slices in trouble end at about this part of where they began. */
const afterDeath = 1 / 32;
/** What a chunk counts for the next one counts so much less for the one after. */
const fading = 0.8;
const hope = 0.9;
const nothing: PaceSums = { weight: 0, rows: 0, ms: 0, rowsSquared: 0, rowsMs: 0, perRowMs: null };

/** Goes on from where the task's slices before were. */
export function startPace(
  chunkSize: number,
  { chunks, deaths }: Past = { chunks: [], deaths: 0 },
): Pace {
  // The last one may have been a small rest.
  const before = chunks.length === 0 ? firstRows : Math.max(...chunks.map(({ rows }) => rows));
  const rows = Math.max(1, Math.floor(Math.min(chunkSize, before) * afterDeath ** deaths));
  return {
    rows,
    isCareful: false,
    seen: chunks.reduce((seen, { rows: size, tookMs }) => learn(seen, size, tookMs), nothing),
  };
}

/**
 * The duration of a chunk is the longest wait that anybody else can see, so the number of records
 * follows it. Only the part that grows with them is steered: where a commit or the round trips
 * alone take as long as the target, a chunk of ten records would hardly be shorter, and the task
 * would never end.
 */
export function nextPace(
  pace: Pace,
  { rows, tookMs, isWaitedFor, wasRefused }: ChunkTimes,
  targetMs: number,
  max: number,
): Pace {
  const seen = learn(pace.seen, rows, tookMs);
  const perRowMs = seen.perRowMs ?? tookMs / rows / 2;
  const fixedMs = Math.max(0, (seen.ms - perRowMs * seen.rows) / seen.weight);
  const budgetMs = Math.max(targetMs - fixedMs, targetMs / 2, fixedMs / 2);
  const maxFactor = isWaitedFor ? 0.7 : 2;
  const next = Math.min(pace.rows * maxFactor, Math.max(pace.rows / 2, budgetMs / perRowMs));
  return {
    rows: Math.min(max, Math.max(Math.min(minRows, pace.rows), Math.round(next))),
    isCareful: wasRefused,
    seen,
  };
}

function learn(before: PaceSums, rows: number, ms: number): PaceSums {
  const seen = {
    weight: before.weight * fading + 1,
    rows: before.rows * fading + rows,
    ms: before.ms * fading + ms,
    rowsSquared: before.rowsSquared * fading + rows * rows,
    rowsMs: before.rowsMs * fading + rows * ms,
  };
  const [meanRows, meanMs] = [seen.rows / seen.weight, seen.ms / seen.weight];
  const variance = seen.rowsSquared / seen.weight - meanRows ** 2;
  // Chunks of equal size do not reveal the cost of a record. Growing makes the sizes differ, and
  // then they do.
  if (variance < (0.1 * meanRows) ** 2)
    return { ...seen, perRowMs: before.perRowMs && before.perRowMs * hope };
  const slope = (seen.rowsMs / seen.weight - meanRows * meanMs) / variance;
  const average = meanMs / meanRows;
  return { ...seen, perRowMs: Math.min(average, Math.max(average / 20, slope)) };
}

/**
 * After trouble that passes (a lock that is held, a statement that took too long) a smaller set is
 * tried.
 */
export function afterTrouble(pace: Pace, { isTooSlow }: { isTooSlow: boolean }): Pace {
  const min = isTooSlow ? 1 : Math.min(minRows, pace.rows);
  return { ...pace, rows: Math.max(min, Math.floor(pace.rows / 2)) };
}
