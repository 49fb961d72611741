import { setTimeout as wait } from 'node:timers/promises';
import { empty, query, raw, sql } from '../../db/sql.ts';
import { limitRules } from '../../task-definitions/limits.ts';
import type { TaskContext } from '../context.ts';
import { isDeliverableSql } from '../hooks/deliver.ts';
import { seeToDue } from '../own/due.ts';
import { notFullSql } from '../own/limits-sql.ts';
import { isTakeable } from '../own/take-own.ts';
import { isPausedSql } from '../paused-queues.ts';
import { isBlocked } from '../running/slots.ts';
import { announceSchedules } from '../schedules/announce-schedules.ts';
import { listBeginnable } from '../schedules/begin-runs.ts';
import { startWorker } from './worker.ts';

const lookEveryMs = 20;
/** Of what is left so many are named. */
const maxNamed = 10;

/**
 * Runs everything that is due, hooks included, until nothing is, and gives the ids of the tasks that
 * it ran. Throws an Error that names what is left when the time is over.
 */
export async function drain(
  context: TaskContext,
  connectionString: string,
  timeoutMs: number,
): Promise<number[]> {
  const { t, background } = context.db;
  const deadline = Date.now() + timeoutMs;
  const before = await background.query<{ id: string }>(
    `select coalesce(max(id), 0) as id from ${t.task_event}`,
  );
  await announceSchedules(background, context);
  // A worker that ends has told hooks all that it had begun to tell: only then it is known what is left.
  while ((await listDue(context)).length > 0) {
    const worker = await startWorker(context, {
      connectionString,
      concurrency: 1,
      backends: [...context.backends.called.keys()],
    });
    try {
      await untilNothingIsDue(context, deadline, timeoutMs);
    } finally {
      await worker.stop();
    }
  }
  const { rows } = await background.query<{ id: number }>(
    `select distinct task_id as id from ${t.task_event} where id > $1 and state in ('running', 'preparing') order by id`,
    [before.rows[0]?.id],
  );
  return rows.map(({ id }) => id);
}

async function untilNothingIsDue(
  context: TaskContext,
  deadline: number,
  timeoutMs: number,
): Promise<void> {
  for (;;) {
    await seeToDue(context, context.db.background);
    const left = await listDue(context);
    if (left.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`drain: after ${timeoutMs} ms there is left ${left.join(', ')}.`);
    await wait(lookEveryMs);
  }
}

/** What is due or under way, in words; nothing of what waits for its time, or for somebody. */
async function listDue(context: TaskContext): Promise<string[]> {
  const { t, background } = context.db;
  const rules = limitRules(context.definitions);
  const isHeldUp = `(${isPausedSql(t)} and not exists (select from ${t.task_slot} where task_id = task.id))`;
  const isFree = rules.length === 0 ? empty : notFullSql(context, rules);
  const { rows } = await query<{ what: string }>(
    background,
    sql`select 'task ' || id || ' (' || title || '), ' || state as what from ${raw(t.task)} task
       where (backend <> 'inline' and state in ('preparing', 'running', 'pausing', 'cancelling') and not ${raw(isHeldUp)})
         or (kind = 'bulk' and backend <> 'inline' and state = 'queued' and not ${raw(isBlocked(context))} and not ${raw(isHeldUp)})
         or (state = 'scheduled' and due_at <= clock_timestamp() and operation = any(${[...context.definitions.keys()]}))
         or (state in ('scheduled', 'queued') and started_at is null and expires_at <= clock_timestamp())
         or (${isTakeable(context, { queues: null, backends: [...context.backends.called.keys()] })} ${isFree})
     union all
     select 'an event of task ' || task_id from ${raw(t.task_event)} where not is_fanned
     union all
     select 'hook ' || hook || ' of ' || name || ' of task ' || task_id from ${raw(t.task_delivery)} next
       where hook = any(${context.hooks.map(({ name }) => name)}) and ${raw(isDeliverableSql(t))}
     limit ${maxNamed}`,
  );
  const schedules = context.settings.background ? await listBeginnable(context) : [];
  const deliveries: string[] = [];
  for (const { listDue: listOf } of context.outboxes)
    deliveries.push(...(await listOf(background)));
  return [
    ...rows.map(({ what }) => what),
    ...schedules.map((name) => `schedule ${name}`),
    ...deliveries,
  ];
}
