/** How many records a drain puts into one transaction: what it has learnt from the chunks before. */
export interface Pace {
  rows: number;
  /** A record was refused of late: look for refused records from the start instead of trying a whole chunk first. */
  isCareful: boolean;
}

export interface ChunkTimes {
  /** Records of the chunk. */
  rows: number;
  /** From its begin to its commit, and the part of it that grows with the records. */
  tookMs: number;
  appliedMs: number;
  /** Somebody stood and waited for a record of it. */
  isWaitedFor: boolean;
  wasRefused: boolean;
}

const fewestRows = 10;

export function startPace(chunkSize: number): Pace {
  return { rows: Math.min(chunkSize, 250), isCareful: false };
}

/**
 * The duration of a chunk is the longest wait that anybody else can see, so the number of records follows it. Only the part
 * that grows with them is steered: on a slow disk the commit alone may take longer than the target, and a chunk of
 * ten records would not commit faster.
 */
export function nextPace(
  pace: Pace,
  { rows, tookMs, appliedMs, isWaitedFor, wasRefused }: ChunkTimes,
  targetMs: number,
  most: number,
): Pace {
  const fixedMs = tookMs - appliedMs;
  const budgetMs = Math.max(targetMs - fixedMs, targetMs / 2, fixedMs / 2);
  const factor = Math.min(2, Math.max(0.5, budgetMs / Math.max(appliedMs, 0.1)), isWaitedFor ? 0.7 : 2);
  const wanted = Math.round(rows * factor);
  // The last piece of a chunk is small, whatever would have been possible.
  const next = rows < pace.rows / 2 ? Math.max(pace.rows, wanted) : wanted;
  return { rows: Math.min(most, Math.max(fewestRows, next)), isCareful: wasRefused };
}

/** After trouble that passes (a lock that is held, a statement that took too long) a smaller set is tried. */
export function afterTrouble(pace: Pace): Pace {
  return { ...pace, rows: Math.max(fewestRows, Math.floor(pace.rows / 2)) };
}
