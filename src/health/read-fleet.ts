import { query, raw, sql } from '../db/sql.ts';
import { transaction } from '../db/transaction.ts';
import type { TaskContext } from '../tasks/context.ts';
import { isAliveSql } from '../tasks/liveness.ts';
import { queueSql } from '../tasks/paused-queues.ts';
import { unfinishedSql } from '../tasks/states.ts';

/** Up to so many tasks, and deliveries, are counted: beyond, it is this number. */
export const maxMetered = 100_000;

/** How the installation fares, the same whichever process asks. */
export interface Fleet {
  /** Of those that have not ended. */
  readonly tasks: readonly {
    readonly kind: string;
    readonly state: string;
    readonly queue: string;
    readonly count: number;
    /** Those whose turn it is, and for how long it has been of the first; null: of none. */
    readonly waiting: number;
    readonly oldestSeconds: number | null;
  }[];
  readonly workers: Readonly<Record<'alive' | 'stale' | 'busy' | 'quiet', number>>;
  readonly deliveries: Readonly<
    Record<'hooksWaiting' | 'hooksParked' | 'noticesWaiting' | 'noticesGivenUp', number>
  >;
  readonly alerts: number;
  /** Seconds for which the oldest entry of the audit waits for its seal; null: nothing is sealed. */
  readonly unsealedSeconds: number | null;
}

/** Longest that the database is asked. */
const statementMs = 2_000;

/** Bounded statements, none of which looks through what has ended. */
export async function readFleet({ db }: Pick<TaskContext, 'db'>): Promise<Fleet> {
  const { t } = db;
  const task = raw(t.task);
  const someOf = (from: string) =>
    raw(`(select count(*)::int from (select 1 from ${from} limit ${maxMetered}) counted)`);
  return transaction(db.background, async (client) => {
    await client.query(`set local statement_timeout = ${statementMs}`);
    const tasks = await query<Fleet['tasks'][number]>(
      client,
      sql`with unfinished as (
         select kind, state, ${raw(queueSql)} as queue, case when state = 'queued' and blocked_by is null and start_over is null and waits_for is distinct from 'children'
             and (due_at is null or due_at <= clock_timestamp()) then greatest(coalesce(queued_at, created_at), due_at) end as since
         from ${task} task where state in (${raw(unfinishedSql)}) limit ${maxMetered}
       )
       select kind, state, queue, count(*)::int as count, count(since)::int as waiting,
         extract(epoch from clock_timestamp() - min(since))::float8 as "oldestSeconds" from unfinished group by 1, 2, 3`,
    );
    const others = await query<
      Fleet['workers'] & Fleet['deliveries'] & { alerts: number; unsealedSeconds: number | null }
    >(
      client,
      sql`with worker as (
         select ${raw(isAliveSql)} and heartbeat_at + make_interval(secs => stale_after_ms / 1000.0) < clock_timestamp() is not true as is_alive, quiet_at is not null as is_quiet, exists (select from ${raw(t.task_slot)} slot where slot.worker_id = worker.id) as is_busy
         from ${raw(t.worker)} worker where backends <> '{}'
       )
       select (select count(*)::int from worker where is_alive) as alive, (select count(*)::int from worker where not is_alive) as stale,
         (select count(*)::int from worker where is_alive and is_busy) as busy, (select count(*)::int from worker where is_alive and is_quiet) as quiet,
         ${someOf(`${t.task_delivery} where parked_at is null`)} as "hooksWaiting", ${someOf(`${t.task_delivery} where parked_at is not null`)} as "hooksParked",
         ${someOf(`${t.notice} where state = 'waiting'`)} as "noticesWaiting", ${someOf(`${t.notice} where state = 'given-up'`)} as "noticesGivenUp",
         ${someOf(`${t.alert} where over_at is null`)} as alerts,
         (select extract(epoch from clock_timestamp() - at)::float8 from ${raw(t.audit_entry)} where id > coalesce((select max(entry_id) from ${raw(t.audit_seal)}), 0) order by id limit 1) as "unsealedSeconds"`,
    );
    const { alive, stale, busy, quiet, alerts, unsealedSeconds, ...deliveries } = others
      .rows[0] as (typeof others.rows)[number];
    return {
      tasks: tasks.rows,
      workers: { alive, stale, busy, quiet },
      deliveries,
      alerts,
      unsealedSeconds: db.auditKeys.name === null ? null : (unsealedSeconds ?? 0),
    };
  });
}
