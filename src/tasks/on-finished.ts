import { escapeLiteral } from 'pg';
import type { TableNames } from '../db/names.ts';

/** SQL: an id for the task that the end of a row of `task` launches; null: none. */
export function nextIdSql(t: TableNames): string {
  return `case when on_finished is not null then nextval(pg_get_serial_sequence(${escapeLiteral(t.task)}, 'id'))::int end`;
}

/**
 * Parts of a statement: of rows `moved` that have ended, with `next_id`, each launches what it was
 * launched with. It has its turn as one whose time has come.
 */
export function launchOnFinishedSql(t: TableNames): string {
  return `launched as (
       insert into ${t.task} (id, kind, operation, title, backend, principal_id, principal_name, principal, parameters, secrets, parameters_version, state, priority, due_at,
         expires_at, queue, unique_key, reuse_key, limit_key, rate_key, locks_off_reason)
       select next_id, 'own', next.name, next.title, coalesce(next.backend, 'queue'), principal_id, principal_name, principal, coalesce(next.params, 'null'), next.secrets, next.version, 'scheduled', next.priority, clock_timestamp(),
         clock_timestamp() + make_interval(secs => next."expireAfterMs" / 1000), next.queue, next."uniqueKey", next."reuseKey", next."limitKey", next."rateKey", next."locksOffReason"
       from moved cross join jsonb_to_record(on_finished) as next(name text, title text, backend text, params jsonb, secrets text, version int, priority int, "expireAfterMs" float8,
         queue text, "uniqueKey" text, "reuseKey" text, "limitKey" text, "rateKey" text, "locksOffReason" text)
       where next_id is not null returning id, operation, principal_id, principal_name
     ), launch_event as (
       insert into ${t.task_event} (task_id, state) select id, 'scheduled' from launched
     ), launch_entry as (
       insert into ${t.audit_entry} (act, principal_id, principal_name, origin, origin_name, task_id, details)
       select 'task-launched', launched.principal_id, launched.principal_name, 'task', moved.id::text, launched.id, json_build_object('operation', launched.operation)
       from launched join moved on moved.next_id = launched.id
     )`;
}
