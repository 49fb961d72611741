import type { TaskContext } from '../context.ts';
import { isAliveSql } from '../liveness.ts';
import { unfinishedSql } from '../states.ts';

/** How tasks fare at this moment. */
export interface Health {
  /** Those that are alive, but for calls that run what they have launched. */
  readonly workers: readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    /** Null: it listens to all. */
    readonly queues: readonly string[] | null;
    readonly startedAt: Date;
  }[];
  /** Tasks by state, of those that are not finished. */
  readonly tasks: Readonly<Record<string, number>>;
  /** How long the longest waiting one could have begun, in milliseconds; null: none waits. */
  readonly longestWaitMs: number | null;
}

export async function readHealth({ db: { pages, t } }: Pick<TaskContext, 'db'>): Promise<Health> {
  const workers = await pages.query<Health['workers'][number]>(
    `select id, host, pid, queues, started_at as "startedAt" from ${t.worker} worker where ${isAliveSql} and backends <> '{}' order by started_at, id`,
  );
  const { rows } = await pages.query<{ state: string; count: number; waitMs: number | null }>(
    `select state, count(*)::int as count,
       max(extract(epoch from clock_timestamp() - greatest(due_at, (select max(at) from ${t.task_event} where task_id = task.id and state = 'queued'))) * 1000) filter (where state = 'queued' and blocked_by is null
         and not (waits_for is not distinct from 'children' and exists (select from ${t.task} child where child.id = any(task.awaits) and child.state in (${unfinishedSql}))))::float8 as "waitMs"
     from ${t.task} task where finished_at is null group by state`,
  );
  const waits = rows.map(({ waitMs }) => waitMs).filter((ms) => ms !== null && ms > 0);
  return {
    workers: workers.rows,
    tasks: Object.fromEntries(rows.map(({ state, count }) => [state, count])),
    longestWaitMs: waits.length === 0 ? null : Math.max(...(waits as number[])),
  };
}
