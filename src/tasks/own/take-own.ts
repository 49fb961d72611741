import type { Pool } from 'pg';
import { advisoryClass } from '../../db/advisory-class.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { empty, query, raw, type Sql, sql, statementOf } from '../../db/sql.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { defaultHardLimitMs } from '../../task-definitions/define-task.ts';
import { limitRules } from '../../task-definitions/limits.ts';
import type { TaskContext } from '../context.ts';
import { isPausedSql } from '../paused-queues.ts';
import { isBlocked } from '../running/slots.ts';
import { type OwnTask, writtenColumns } from '../task-row.ts';
import { mayNotWaitSql } from './affects.ts';
import { awaitsChildrenSql } from './children.ts';
import { isKnownSql } from './known-here.ts';
import { noteStartsSql, notFullSql } from './limits-sql.ts';

export interface Taken {
  task: OwnTask;
  /** Of its slot: whoever has lost it writes nothing more. */
  token: string;
}

/** Who takes. */
export interface Taker {
  workerId: string;
  pool: Pool;
  /** Queues that it listens to; null: all. */
  queues: readonly string[] | null;
  /** Backends whose tasks it runs. */
  backends: readonly string[];
  /** No task but this one. */
  only?: number;
}

/** Longest that a look waits for another that counts limits. */
const limitsWaitMs = 250;

/**
 * Takes own tasks that are due, known here and listened to, the most urgent first, at most `limit`:
 * they run from then on, each in a slot of this worker's. What another worker is taking is passed
 * over.
 *
 * Tasks with limits are taken one at a time while nobody else takes one with limits, so that what
 * is counted stays true; as long as none of those is due, nobody waits for anybody.
 */
export async function takeOwn(context: TaskContext, taker: Taker, limit: number): Promise<Taken[]> {
  const { pool } = taker;
  const rules = limitRules(context.definitions);
  if (rules.length === 0 || !(await isLimitedDue())) return take(pool, names(), limit, empty);
  try {
    return await transaction(pool, takeLimited, {
      first: [`set local lock_timeout = ${limitsWaitMs}`],
    });
  } catch (error) {
    // Somebody is slow at it. Others are not kept waiting; the next look asks again.
    if (sqlstateOf(error) !== sqlstate.lockNotAvailable) throw error;
    return take(pool, names(), limit, empty);
  }

  async function takeLimited(client: Queryable): Promise<Taken[]> {
    await client.query('select pg_advisory_xact_lock($1, hashtext($2))::text', [
      advisoryClass.limits,
      context.db.t.task,
    ]);
    const taken: Taken[] = [];
    while (taken.length < limit) {
      const known = [...context.definitions.keys()];
      const [one] = await take(client, known, 1, notFullSql(context, rules));
      if (!one) break;
      taken.push(one);
    }
    return taken;
  }

  function names(): string[] {
    const limited = new Set(rules.map(({ name }) => name));
    return [...context.definitions.keys()].filter((name) => !limited.has(name));
  }

  async function isLimitedDue(): Promise<boolean> {
    const limited = rules.map(({ name }) => name);
    const { rows } = await query<{ isDue: boolean }>(
      pool,
      sql`select exists (select 1 from ${raw(context.db.t.task)} task where ${isDue(context, taker, limited)}) as "isDue"`,
    );
    return rows[0]?.isDue ?? false;
  }

  async function take(
    client: Queryable,
    known: readonly string[],
    max: number,
    isFree: Sql,
  ): Promise<Taken[]> {
    const { t } = context.db;
    const hardLimits = JSON.stringify(
      Object.fromEntries(
        known.map((name) => [
          name,
          context.definitions.get(name)?.options.hardLimitMs ?? defaultHardLimitMs,
        ]),
      ),
    );
    const starts = isFree === empty ? empty : sql`, started as (${noteStartsSql(context, rules)})`;
    const { rows } = await queryPrepared<OwnTask & { token: string }>(
      client,
      statementOf(sql`with next as (
       select id, operation, rate_key from ${raw(t.task)} task where ${isTakeable(context, taker, known)} and start_over is null ${isFree}
       order by priority desc, due_at nulls first, id limit ${max} for update skip locked
     ), slots as (
       insert into ${raw(t.task_slot)} (task_id, slot, worker_id, token, ends_at)
       select id, 0, ${taker.workerId}, gen_random_uuid(), clock_timestamp() + make_interval(secs => (${hardLimits}::jsonb ->> operation)::float8 / 1000) from next returning task_id, token
     ), taken as (
       update ${raw(t.task)} task set state = 'running', started_at = coalesce(started_at, clock_timestamp()), attempts = attempts + 1,
         due_at = null, waits_for = null, awaits = '{}', fails_fast = false, blocked_by = null, reason = null, message = null, rested_at = null,
         idle_ms = idle_ms + coalesce(extract(epoch from clock_timestamp() - greatest(rested_at, started_at)) * 1000, 0)
       from next where task.id = next.id returning task.*
     ), event as (
       insert into ${raw(t.task_event)} (task_id, at, from_state, state) select id, clock_timestamp(), 'queued', 'running' from next
     )${starts}
     select ${raw(writtenColumns())}, token from taken join slots on slots.task_id = taken.id order by priority desc, id`),
    );
    return rows.map(({ token, ...task }) => ({ task: task as OwnTask, token }));
  }
}

/** Rows `task` that a free place takes, but for limits. */
export function isTakeable(
  context: TaskContext,
  taker: Pick<Taker, 'queues' | 'backends' | 'only'>,
  names: readonly string[] = [...context.definitions.keys()],
): Sql {
  const { t } = context.db;
  return sql`${isDue(context, taker, names)} and (not ${raw(isBlocked(context))} or ${raw(mayNotWaitSql(t))}) and not ${raw(awaitsChildrenSql(t))}`;
}

function isDue(
  context: TaskContext,
  { queues, backends, only }: Pick<Taker, 'queues' | 'backends' | 'only'>,
  names: readonly string[],
): Sql {
  const isHeard = queues === null ? empty : sql`and queue = any(${queues})`;
  const isOne = only === undefined ? empty : sql`and id = ${only}`;
  return sql`kind = 'own' and state = 'queued' and (due_at is null or due_at <= clock_timestamp())
    and (expires_at is null or started_at is not null or expires_at > clock_timestamp()) and backend = any(${backends}) and not ${raw(isPausedSql(context.db.t))} and ${isKnownSql(context, names)} ${isHeard} ${isOne}`;
}
