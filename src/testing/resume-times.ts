import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { databaseNow } from '../db/database-now.ts';

type Looked = Pick<Database, 't'> & { owner: Database['pages'] };

export interface Resuming {
  /** Of the worker that is about to be stopped. */
  pid: number;
  /** Stops it. */
  stop: () => void;
  /** So much later it is not waited for any more. */
  maxMs: number;
  /** Something else came between that has nothing to do with it. */
  isDisturbed: () => boolean;
}

const everyMs = 20;

/** Of one task, in milliseconds from when its worker was stopped. */
export interface Resumed {
  /** The first look at which its worker did not have it any more. */
  freeMs: number;
  /** Another worker had committed the next chunk. */
  onMs: number;
}

/**
 * Stops a worker, and measures for each bulk task that it alone is at how long it takes until another
 * has committed the next chunk, by the clock of the database. What is paused or cancelled meanwhile
 * is left out, and so is what nobody took up in time: that is what the invariants are about.
 */
export async function resumeTimes(
  { t, owner }: Looked,
  { pid, stop, maxMs, isDisturbed }: Resuming,
): Promise<Resumed[]> {
  const { rows: held } = await owner.query<{ id: number; worker: string }>(
    `select task_id as id, worker_id as worker from ${t.task_slot} slot join ${t.worker} worker on worker.id = worker_id join ${t.task} task on task.id = task_id
     where pid = $1 and state = 'running' and kind = 'bulk'
       and not exists (select from ${t.task_slot} other where other.task_id = slot.task_id and other.worker_id <> slot.worker_id)`,
    [pid],
  );
  const stoppedAt = await databaseNow(owner);
  stop();
  const left = new Map(
    held.map(({ id, worker }) => [id, { worker, freeAt: null as number | null }]),
  );
  const times: Resumed[] = [];
  let lookedAt = stoppedAt;
  while (left.size > 0 && lookedAt - stoppedAt < maxMs && !isDisturbed()) {
    await wait(everyMs);
    const seen = await look([...left.keys()], held[0]?.worker ?? '').catch(() => null);
    if (!seen) continue;
    for (const { id, isHeld, isRunning, lastAt } of seen.tasks) {
      const task = left.get(id);
      if (!task) continue;
      // What was on its way when it was stopped was committed while it had its slot.
      if (!isHeld) task.freeAt ??= lookedAt;
      if (task.freeAt !== null && (lastAt ?? 0) > task.freeAt) {
        times.push({ freeMs: task.freeAt - stoppedAt, onMs: (lastAt ?? 0) - stoppedAt });
        left.delete(id);
      } else if (!isRunning) left.delete(id);
    }
    lookedAt = seen.now;
  }
  return times;

  async function look(ids: readonly number[], worker: string) {
    const now = await databaseNow(owner);
    const { rows: tasks } = await owner.query<{
      id: number;
      isHeld: boolean;
      isRunning: boolean;
      lastAt: number | null;
    }>(
      `select id, state = 'running' as "isRunning", exists (select from ${t.task_slot} slot where task_id = id and worker_id = $2) as "isHeld",
         (select (extract(epoch from max(finished_at)) * 1000)::float8 from ${t.chunk} where task_id = id) as "lastAt"
       from ${t.task} where id = any($1)`,
      [ids, worker],
    );
    return { now, tasks };
  }
}

/** The time that so many of a hundred do not pass; null: none was measured. */
export function percentile(times: readonly number[], of100: number): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((of100 / 100) * sorted.length) - 1)] ?? null;
}

/** Of how many, their p50 and p99 in seconds. */
export function timesInWords(times: readonly number[]): string {
  const text = (of100: number) => {
    const ms = percentile(times, of100);
    return ms === null ? 'none' : `${(ms / 1000).toFixed(2)} s`;
  };
  return `p50 ${text(50)}, p99 ${text(99)} (${times.length} tasks)`;
}
