import type { Pool } from 'pg';
import { empty, query, raw, sql } from '../../db/sql.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { limitRules } from '../../task-definitions/limits.ts';
import { wakeFor } from '../call-for.ts';
import { cancelDescendants } from '../cancel-descendants.ts';
import { abilitiesOf, backendOfOwn } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { isStartingOverSql, seeToStartingOver } from '../start-over/start-over.ts';
import type { OwnTask } from '../task-row.ts';
import { wakeWaiting } from '../wake-waiting.ts';
import { isKnownSql } from './known-here.ts';
import { pastStartsSql, untilRateSql } from './limits-sql.ts';
import { readUnread, type Unread, unreadable } from './read-unread.ts';
import { askTurn, freeTurn, lockTurn, makeRoom, placeOf, type Room } from './unique.ts';

type Waiting = Unread &
  Pick<OwnTask, 'principal' | 'backend'> & { uniqueKey: string | null; isUnread: boolean };

/** Longest that a task waits for a launch of the same which does not come to its end. */
const turnWaitMs = 250;
/** Of one look: the rest has the next. */
const maxAtOnce = 100;

/**
 * Milliseconds until the next own task has its time, or a rate lets one more begin; 0 or less: it
 * has come, maybe after somebody looked, or one that starts over has a step to do; null: none is
 * waited for.
 */
export async function millisecondsUntilDue(
  context: TaskContext,
  pool: Pool,
): Promise<number | null> {
  const { t } = context.db;
  const rules = limitRules(context.definitions).filter(({ maxStarts }) => maxStarts !== null);
  const { rows } = await query<{ ms: number | null }>(
    pool,
    sql`select min(ms) as ms from (
       select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as ms from ${raw(t.task)}
       where kind = 'own' and ${isKnownSql(context)}
         and (state = 'scheduled' or (state = 'queued' and due_at > clock_timestamp() - interval '1 second'))
       union all
       select 0 from ${raw(t.task)} task where kind = 'own' and ${raw(isStartingOverSql(context))} and ${isKnownSql(context)}
       ${rules.length === 0 ? empty : sql`union all ${untilRateSql(context, rules)}`}
     ) next`,
  );
  return rows[0]?.ms ?? null;
}

/**
 * What time has brought: own tasks whose time has come are queued, those not begun in time are
 * cancelled, starts that count no more are forgotten. Safe to run anywhere at any time.
 */
export async function seeToDue(context: TaskContext, pool: Pool): Promise<void> {
  await queueScheduled(context, pool);
  await cancelExpired(context, pool);
  const rules = limitRules(context.definitions).filter(({ maxStarts }) => maxStarts !== null);
  if (rules.length > 0) await query(pool, pastStartsSql(context, rules));
}

/**
 * Each has its turn now, by what is under way at this moment; those that start over come a step
 * further.
 */
export async function queueScheduled(context: TaskContext, pool: Pool): Promise<void> {
  const { t } = context.db;
  await seeToStartingOver(context, pool);
  const { rows } = await query<{ id: number }>(
    pool,
    sql`select id from ${raw(t.task)} where kind = 'own' and state = 'scheduled' and due_at <= clock_timestamp() and ${isKnownSql(context)} order by due_at, id limit ${maxAtOnce}`,
  );
  for (const { id } of rows)
    await queueOne(context, pool, id).catch((error) =>
      context.log('warning', 'a task whose time has come is queued later', {
        taskId: id,
        error,
      }),
    );
}

async function queueOne(context: TaskContext, pool: Pool, id: number): Promise<void> {
  const { t } = context.db;
  await transaction(
    pool,
    async (client) => {
      const { rows } = await client.query<Waiting>(
        `select id, operation, parameters, principal, priority, unique_key as "uniqueKey", is_unread as "isUnread", backend from ${t.task} where id = $1 and state = 'scheduled' for update skip locked`,
        [id],
      );
      const [task] = rows;
      const definition = task && context.definitions.get(task.operation);
      if (!definition) return;
      const uniqueKey = task.isUnread
        ? await readUnread(client, context, definition, task)
        : task.uniqueKey;
      if (uniqueKey === unreadable) return;
      // SQL knows of no backend.
      if (task.isUnread) task.backend = backendOfOwn(context, definition, task);
      if (!abilitiesOf(context, task).later) {
        const message = `SQL launched it, which begins nothing at once: the backend “${task.backend}” cannot begin it later.`;
        await moveTask(client, t, id, 'failed', { reason: 'not-later', message });
        return;
      }
      const { policy = 'existing' } = definition.options.unique ?? {};
      const name = task.operation;
      const same = uniqueKey === null ? null : { kind: 'own' as const, name, uniqueKey };
      if (same) await lockTurn(client, context, same);
      const turn = same
        ? await turnOf(client, { ...same, policy, principal: task.principal })
        : freeTurn;
      if (typeof turn === 'string') {
        await cancelDescendants(client, context, id);
        await moveTask(client, t, id, 'cancelled', { reason: 'duplicate', message: turn });
        return;
      }
      await makeRoom(client, context, turn);
      const { blockedBy, startOver } = placeOf(turn);
      await moveTask(client, t, id, 'queued');
      await client.query(
        `update ${t.task} set queued_at = now(), blocked_by = $2, start_over = $3, waits_for = $4, backend = $5 where id = $1`,
        [
          id,
          blockedBy,
          startOver && JSON.stringify(startOver),
          blockedBy === null && !startOver ? null : 'task',
          task.backend,
        ],
      );
      await wakeFor(client, context, task.backend, { kind: 'own', taskIds: [id] });
    },
    { first: [`set local lock_timeout = ${turnWaitMs}`] },
  );

  /** A text says why it has none: nobody is there to be told, so it ends as one ends that others have. */
  async function turnOf(
    client: Queryable,
    asked: Parameters<typeof askTurn>[2],
  ): Promise<Room | string> {
    const policy = asked.policy === 'refuse' ? 'existing' : asked.policy;
    try {
      const turn = await askTurn(client, context, { ...asked, policy });
      if (!('existing' in turn)) return turn;
      return `The same was under way already when its time came, as task ${turn.existing.id}.`;
    } catch (error) {
      if (error instanceof AppError) return error.message;
      throw error;
    }
  }
}

async function cancelExpired(context: TaskContext, pool: Pool): Promise<void> {
  const { t } = context.db;
  const isExpired = `state in ('scheduled', 'queued') and started_at is null and expires_at <= clock_timestamp()`;
  const { rows } = await pool.query<{ id: number }>(
    `select id from ${t.task} where ${isExpired} order by expires_at limit ${maxAtOnce}`,
  );
  for (const { id } of rows)
    await transaction(pool, async (client) => {
      const { rowCount } = await client.query(
        `select 1 from ${t.task} where id = $1 and ${isExpired} for update skip locked`,
        [id],
      );
      if (rowCount === 0) return;
      await cancelDescendants(client, context, id);
      await moveTask(client, t, id, 'cancelled', {
        reason: 'expired',
        message: 'It had not begun by the time until which it was to begin.',
      });
      await wakeWaiting(client, context, id);
    });
}
