import type { Database } from '../../db/database.ts';
import { isAliveSql } from '../liveness.ts';

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
