import type { Database } from '../../db/database.ts';
import { isAliveSql, isSilentSql } from '../liveness.ts';

export interface AliveWorker {
  id: string;
  host: string;
  pid: number;
}

/** One statement. */
export async function listWorkers({ pages, t }: Database, limit = 100): Promise<AliveWorker[]> {
  const { rows } = await pages.query<AliveWorker>(
    `select id, host, pid from ${t.worker} worker where ${isAliveSql} order by host, pid limit $1`,
    [limit],
  );
  return rows;
}

/** A worker as whoever looks after workers sees it. */
export interface WorkerInfo extends AliveWorker {
  /** Of Bulkhead; null: one from before that was kept. */
  version: string | null;
  /** Null: it listens to all. */
  queues: readonly string[] | null;
  /** Backends whose tasks it runs. */
  backends: readonly string[];
  /** Slices of bulk work, and own tasks, that it is at at a time. */
  concurrency: number | null;
  places: number | null;
  startedAt: Date;
  /** Does its session last? */
  isAlive: boolean;
  /** Its last sign of life: it gives one every few seconds. */
  seenAt: Date;
  /** It has given none for so long that it should have. */
  isUnheard: boolean;
  /** Since when its main loop stands still, where that is long: what it is at gives way to nothing. */
  busySince: Date | null;
  /** What somebody asks of it: to take nothing more, or to stop; null: to go on. */
  asked: 'quiet' | 'stop' | null;
  askedBy: string | null;
  askedAt: Date | null;
  /** Since when it takes nothing more; null: it takes tasks, or has not heard of it yet. */
  quietAt: Date | null;
  /** Tasks that it is at. */
  taskIds: readonly number[];
}

/** Longest that a worker is silent, in the times after which it looks after the others; a minute at least. */
const unheardAfter = { times: 5, minMs: 60_000 };

/** All that are known, those that are gone and not yet buried too; one statement. */
export async function listEveryWorker(
  { pages, t }: Database,
  recoveryIntervalMs: number,
  limit = 100,
): Promise<WorkerInfo[]> {
  const silentMs = Math.max(unheardAfter.minMs, recoveryIntervalMs * unheardAfter.times);
  const { rows } = await pages.query<WorkerInfo>(
    `select id, host, pid, version, queues, backends, concurrency, places, started_at as "startedAt", ${isAliveSql} as "isAlive",
       greatest(seen_at, heartbeat_at) as "seenAt", greatest(seen_at, heartbeat_at) < clock_timestamp() - make_interval(secs => $1) or coalesce(${isSilentSql}, false) as "isUnheard",
       case when loop_at < clock_timestamp() - make_interval(secs => stale_after_ms / 1000.0) then loop_at end as "busySince",
       asked, asked_by ->> 'name' as "askedBy", asked_at as "askedAt", quiet_at as "quietAt",
       array(select distinct task_id from ${t.task_slot} where worker_id = worker.id order by 1 limit 20) as "taskIds"
     from ${t.worker} worker where backends <> '{}' order by host, started_at, id limit $2`,
    [silentMs / 1000, limit],
  );
  return rows;
}
