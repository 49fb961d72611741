import type { Queryable } from '../../db/transaction.ts';
import { eventsOf, type TaskHook } from '../../task-definitions/task-hooks.ts';
import type { TaskContext } from '../context.ts';
import { isFinished, taskStates } from '../states.ts';
import { taskJson } from './task-json.ts';

/** Events of one statement. */
const maxFanned = 1_000;

const finished = Object.keys(taskStates).filter((state) => isFinished(state as never));

/** Says in our tables which hooks there are, so that whoever fans out knows them all. */
export async function announceHooks(
  client: Queryable,
  { db: { t }, hooks }: Pick<TaskContext, 'db' | 'hooks'>,
): Promise<void> {
  for (const hook of hooks)
    await client.query(
      `insert into ${t.task_hook} (name, events) values ($1, $2)
       on conflict (name) do update set events = excluded.events, seen_at = now()`,
      [hook.name, eventsOf(hook)],
    );
}

/** A task of which one event says that it has ended. */
export interface HeardEnd {
  readonly kind: string;
  readonly state: string;
  readonly reason: string | null;
}

/** An event that no hook listens to. */
interface Unheard {
  name: string;
  taskId: number;
  requestId: string | undefined;
}

/**
 * Makes a delivery of each new event for each hook that listens to it, and gives the names of those
 * that nobody listens to. What somebody else is fanning out is passed over. Full: there may be more.
 */
export async function fanOut(
  client: Queryable,
  { db: { t } }: Pick<TaskContext, 'db'>,
): Promise<{ isFull: boolean; unheard: Unheard[]; ended: HeardEnd[] }> {
  const { rows } = await client.query<
    {
      name: string | null;
      taskId: number;
      requestId: string | null;
      isHeard: boolean;
    } & Partial<HeardEnd>
  >(
    `with event as materialized (
       select * from ${t.task_event} where not is_fanned order by id limit ${maxFanned} for update skip locked
     ), named as (
       select event.id, event.task_id as about, case
           when from_state is null and state <> 'cleaned' then 'task:created'
           when state in ('running', 'queued') and from_state in ('paused', 'pausing') then 'task:resumed'
           when state in ('preparing', 'running') and from_state = 'queued' and not exists (
             select 1 from ${t.task_event} before where before.task_id = event.task_id and before.id < event.id and before.state in ('preparing', 'running')) then 'task:started'
           when state = 'paused' or state = 'cleaned' or state = any($1) then 'task:' || state
         end as name from event
       union all
       select event.id, task.follows_id, case when task.operation = 'undo' and task.kind = 'bulk' or task.is_undo then 'task:undone' else 'task:retried' end
       from event join ${t.task} task on task.id = event.task_id where event.from_state is null and task.follows_id is not null
     ), deliveries as (
       insert into ${t.task_delivery} (event_id, hook, name, task_id, payload)
       select named.id, hook.name, named.name, named.about, jsonb_build_object('at', event.at,
         'by', coalesce(event.by, case when event.from_state in ('cancelling', 'pausing') then (
             select asked.by from ${t.task_event} asked where asked.task_id = event.task_id and asked.id < event.id and asked.state = event.from_state order by id desc limit 1) end, case when event.from_state is null and event.state <> 'cleaned' then (select jsonb_build_object('id', principal_id, 'name', principal_name) from ${t.task} own where own.id = event.task_id) end),
         'task', coalesce(event.payload, ${taskJson('event.state', 'coalesce(event.reason, task.reason)')}))
       from named join event on event.id = named.id join ${t.task_hook} hook on named.name = any(hook.events)
         left join ${t.task} task on task.id = named.about
       where event.payload is not null or task.id is not null
       order by named.id on conflict do nothing
     ), fanned as (
       update ${t.task_event} kept set is_fanned = true from event where kept.id = event.id and event.state <> 'cleaned'
     ), past as (
       delete from ${t.task_event} kept using event where kept.id = event.id and event.state = 'cleaned'
     )
     select named.name, named.about as "taskId", (select request_id from ${t.task} task where task.id = named.about) as "requestId", exists (select 1 from ${t.task_hook} hook where named.name = any(hook.events)) as "isHeard", ended.* from named
       left join lateral (select event.state, coalesce(event.reason, task.reason) as reason, task.kind from event join ${t.task} task on task.id = event.task_id
         where event.id = named.id and named.name = 'task:' || event.state and event.state = any($1)) ended on true`,
    [finished],
  );
  const ended = rows.filter((row): row is typeof row & HeardEnd => Boolean(row.state));
  return {
    ended: ended.map(({ kind, state, reason }) => ({ kind, state, reason })),
    isFull: rows.length >= maxFanned,
    unheard: rows.flatMap(({ name, taskId, requestId, isHeard }) =>
      name === null || isHeard ? [] : [{ name, taskId, requestId: requestId ?? undefined }],
    ),
  };
}

export function listensTo(hook: TaskHook, name: string): boolean {
  return (eventsOf(hook) as readonly string[]).includes(name);
}
