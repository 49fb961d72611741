import { setTimeout as wait } from 'node:timers/promises';
import { transaction } from '../db/transaction.ts';
import { placesChannel } from '../queue/places.ts';
import { bulkQueue } from '../queue-names.ts';
import type { TaskContext } from '../tasks/context.ts';
import { isAliveSql } from '../tasks/liveness.ts';
import { probeCall } from '../tasks/worker/answer-probes.ts';

/** A worker as a probe met it. */
export interface ProbedWorker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** One of an older version knows no probes. */
  readonly answersProbes: boolean;
  readonly hasHeard: boolean;
  /** Could it have taken the probe, and was it at nothing else? */
  readonly isFree: boolean;
  /** Its main loop has been seen to move lately, or nobody looks at it. */
  readonly moves: boolean;
}

/** What became of a probe; milliseconds since it was sent. */
export interface Probe {
  readonly takenMs: number | null;
  readonly finishedMs: number | null;
  /** Somebody took its call, and did not know what it was. */
  readonly isUnknown: boolean;
  readonly workers: readonly ProbedWorker[];
}

const lookEveryMs = 50;
/** Probes of others are left alone for so long. */
const keptSeconds = 60;

/**
 * Sends a call through the queue as bulk work does, and a word to every worker, and waits until they
 * are answered. It is no task: no list has it, and nothing is left of it but one row.
 */
export async function sendProbe(
  context: Pick<TaskContext, 'db' | 'backends'>,
  { withinMs = 4_000 }: { withinMs?: number } = {},
): Promise<Probe> {
  const { db, backends } = context;
  const { t, background } = db;
  const id = await transaction(background, async (client) => {
    await client.query(
      `delete from ${t.probe} where sent_at < clock_timestamp() - interval '${keptSeconds} s'`,
    );
    const { rows } = await client.query<{ id: number }>(
      `insert into ${t.probe} default values returning id::int`,
    );
    const number = rows[0]?.id ?? 0;
    await backends.queue.call(client, { kind: 'bulk', taskIds: [-number], delayMs: 0 });
    await client.query('select pg_notify($1, $2)', [
      placesChannel(db.queueSchema),
      `${probeCall}${number}`,
    ]);
    return number;
  });
  for (const until = performance.now() + withinMs; ; await wait(lookEveryMs)) {
    const probe = await readProbe(context, id);
    const isHeard = probe.workers.every(
      ({ answersProbes, hasHeard }) => hasHeard || !answersProbes,
    );
    const isOver = probe.finishedMs !== null || probe.isUnknown || probe.workers.length === 0;
    if ((isHeard && isOver) || performance.now() > until) {
      if (probe.takenMs === null) await backends.queue.withdraw(background, -id);
      return probe;
    }
  }
}

async function readProbe(
  { db, backends }: Pick<TaskContext, 'db' | 'backends'>,
  id: number,
): Promise<Probe> {
  const { t } = db;
  const { rows } = await db.background.query<Omit<Probe, 'workers'>>(
    `select extract(epoch from taken_at - sent_at)::float8 * 1000 as "takenMs", extract(epoch from finished_at - sent_at)::float8 * 1000 as "finishedMs",
       taken_at is null and not ${backends.queue.isKnownSql('-probe.id')} as "isUnknown" from ${t.probe} probe where id = $1`,
    [id],
  );
  const { rows: workers } = await db.background.query<ProbedWorker>(
    `select worker.id, host, pid, answers_probes as "answersProbes", worker.id = any(heard_by) as "hasHeard",
       (queues is null or '${bulkQueue}' = any(queues)) and 'queue' = any(backends) and answers_probes and asked is null and quiet_at is null
         and started_at < sent_at and not exists (select from ${t.task_slot} slot where slot.worker_id = worker.id) as "isFree",
       loop_at is null or loop_at > clock_timestamp() - interval '5 s' as moves
     from ${t.worker} worker, ${t.probe} probe where probe.id = $1 and ${isAliveSql} and backends <> '{}' and started_at < sent_at order by host, pid, worker.id`,
    [id],
  );
  return { ...(rows[0] ?? { takenMs: null, finishedMs: null, isUnknown: false }), workers };
}
