import type { Pool } from 'pg';

/** Records of a chunk by what became of them. */
export type CountedRecords = Readonly<
  Record<'changed' | 'unchanged' | 'failed' | 'gone' | 'conflicted' | 'keptBack', number>
>;

/** What a process counts of what it does, for whoever watches it from outside. */
export interface Meters {
  /** A chunk has been committed; milliseconds. */
  chunk(counts: CountedRecords, tookMs: number): void;
  /** A task has ended, said once by whichever process hears of it. */
  ended(task: { kind: string; state: string; reason: string | null }): void;
  /** A request has been answered; `route` is its template, which holds no id. */
  request(answered: { method: string; route: string; status: number; tookMs: number }): void;
  /** Counts the connections of a pool, until what this gives is called. */
  watchPool(name: string, pool: Pick<Pool, PoolCount>): () => void;
  /** All of it, and how tasks fare, in the text format of Prometheus. */
  read(): Promise<{ type: string; text: string }>;
}

export type PoolCount = 'totalCount' | 'idleCount' | 'waitingCount';
