import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import { peopleForCode } from '../../auth/people.ts';
import type { TableNames } from '../../db/names.ts';
import type { ProjectClient } from '../../resources/project-types.ts';
import type { TaskEvent, TaskEventName, TaskHook } from '../../task-definitions/task-hooks.ts';
import type { TaskContext } from '../context.ts';
import { spanned } from '../spanned.ts';

/** Longest that a hook may take; then it counts as one that threw. */
const hookMs = 30_000;
/** Whoever has not come back by then has died with it. */
const leaseMs = 60_000;
/** After so many it is told no more, and that is shown. */
const maxAttempts = 10;
const firstWaitMs = 1_000;
const maxWaitMs = 600_000;

interface Delivery {
  id: string;
  eventId: string;
  hook: string;
  name: TaskEventName;
  taskId: number;
  requestId: string | null;
  payload: { at: string; by: TaskEvent['by']; task: TaskEvent['task'] };
  attempts: number;
}

/**
 * Tells a hook of this process the next that it is to be told; false: there is nothing for now. Of
 * one task nothing is told before what came first is told, or given up.
 */
export async function deliverNext(context: TaskContext, pool: Pool): Promise<boolean> {
  const { hooks, log } = context;
  const { t } = context.db;
  const { rows } = await pool.query<Delivery>(
    `update ${t.task_delivery} delivery set attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => ${leaseMs / 1_000})
     where id = (
       select id from ${t.task_delivery} next where hook = any($1) and ${isDeliverableSql(t)}
       order by due_at, id limit 1 for update skip locked
     )
     returning id, event_id as "eventId", hook, name, task_id as "taskId", payload, attempts,
       (select request_id from ${t.task} task where task.id = task_id) as "requestId"`,
    [hooks.map(({ name }) => name)],
  );
  const [delivery] = rows;
  if (!delivery) return false;
  const { id, name, payload, eventId } = delivery;
  const hook = hooks.find((one) => one.name === delivery.hook) as TaskHook;
  try {
    const event = {
      id: eventId,
      name,
      at: new Date(payload.at),
      by: payload.by,
      task: payload.task,
    };
    const { taskId } = delivery;
    const ids = { taskId, requestId: delivery.requestId ?? undefined };
    await spanned(context, { kind: 'hook', name: hook.name, ids }, () =>
      inTime(async () => hook.run(event, handed(context))),
    );
    await pool.query(`delete from ${t.task_delivery} where id = $1`, [id]);
  } catch (error) {
    await putOff(context, pool, delivery, error);
    const { taskId, attempts, requestId } = delivery;
    log('warning', 'a hook of the project’s failed', {
      where: 'hook',
      hook: hook.name,
      event: name,
      taskId,
      requestId: requestId ?? undefined,
      attempts,
      error,
    });
  }
  return true;
}

/** Deliveries `next` that are due, and before which nothing is to be told. */
export function isDeliverableSql(t: TableNames): string {
  return `parked_at is null and due_at <= clock_timestamp()
         and not exists (select 1 from ${t.task_delivery} before where before.hook = next.hook and before.task_id = next.task_id
           and before.parked_at is null and (before.event_id, before.id) < (next.event_id, next.id))
         and not exists (select 1 from ${t.task_event} event where event.task_id = next.task_id and not event.is_fanned and event.id < next.event_id)`;
}

async function putOff(
  { db: { t } }: TaskContext,
  pool: Pool,
  { id, attempts }: Delivery,
  error: unknown,
): Promise<void> {
  const isOver = attempts >= maxAttempts;
  const waitMs = Math.min(maxWaitMs, firstWaitMs * 2 ** (attempts - 1));
  await pool.query(
    `update ${t.task_delivery} set error = $2, parked_at = case when $3 then clock_timestamp() end,
       due_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000) where id = $1`,
    [id, String(error).replaceAll('\0', '').slice(0, 1_000), isOver, waitMs],
  );
}

/** What a hook is called with beside its event. */
export function handed({ registry, people }: TaskContext): Parameters<TaskHook['run']>[1] {
  return {
    client: registry.client as unknown as ProjectClient,
    people: peopleForCode(people),
  };
}

/** Calls a hook; one that takes too long is one that threw. */
export async function inTime(call: () => Promise<void> | void): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([
      call(),
      wait(hookMs, null, { signal: over.signal }).then(() => {
        throw new Error(`it took longer than ${hookMs / 1_000} s`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
