import { entryJson, insertEntriesSql } from '../../audit/entry.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { raw, sql, statementOf } from '../../db/sql.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { withSavepoint } from '../../db/with-savepoint.ts';
import { idsNow } from '../../log/ids.ts';
import { queueName } from '../../queue/backend.ts';
import { callPlacesSql } from '../../queue/places.ts';
import { callFor } from '../call-for.ts';
import type { TaskContext } from '../context.ts';
import { type OwnTask, writtenColumns } from '../task-row.ts';
import type { LaunchRules } from './launch-rules.ts';
import type { OwnLaunch } from './own-launch.ts';

/** Of a launch that said so. */
export const locksIgnored = 'it was launched without locks';

/** A task of the project's own that is to be launched. */
export interface NewOwnTask {
  name: string;
  backend: string;
  title: string;
  params: unknown;
  /** What was given, encrypted, where parts of it are secret. */
  secrets?: string;
  launch: OwnLaunch;
  rules: LaunchRules;
  priority: number;
  version: number;
  /** What its end launches. */
  next?: (object & { backend: string }) | undefined;
  blockedBy?: number | null;
  startOver?: OwnTask['startOver'];
}

/** All or nothing, also where a backend of the project's own refuses the call. */
export function insertOwn(
  rows: readonly NewOwnTask[],
  context: TaskContext,
  given: Queryable | undefined,
): Promise<OwnTask[]> {
  const insert = (client: Queryable) => insertRows(client, context, rows);
  const isRefusable = rows.some(({ backend }) => context.backends.isOwn(backend));
  if (!isRefusable) return insert(given ?? context.db.pages);
  return given ? withSavepoint(given, insert) : transaction(context.db.pages, insert);
}

/**
 * Those are missing whose operation id is there already. Free places are called by the same
 * statement.
 */
async function insertRows(
  client: Queryable,
  context: TaskContext,
  given: readonly NewOwnTask[],
): Promise<OwnTask[]> {
  const { t, queueSchema } = context.db;
  const rows = given.map(({ launch, params, rules, version, ...row }) => ({
    ...row,
    ...rules,
    ...launch,
    version,
    params: params ?? null,
    locksOffReason: rules.locksOffReason ?? (launch.locks === 'ignore' ? locksIgnored : null),
    expiresAt: launch.expiresAt === undefined ? null : launch.expiresAt,
    expireAfterMs: launch.expiresAt === undefined ? rules.expireAfterMs : null,
    entry: entryOf(context, row, launch),
  }));
  const inserted = await queryPrepared<OwnTask & { called: unknown }>(
    client,
    statementOf(sql`with launch as (
       select n, one.*, one."delayMs" > 0 as "isLater", nextval(pg_get_serial_sequence(${t.task}, 'id'))::int as id from jsonb_array_elements(${JSON.stringify(rows)}::jsonb) with ordinality as listed(item, n),
         jsonb_to_record(item) as one(name text, title text, backend text, params jsonb, secrets text, version int, meta jsonb, principal jsonb, priority int, "delayMs" float8, "expiresAt" timestamptz, "expireAfterMs" float8,
           queue text, "uniqueKey" text, "reuseKey" text, "limitKey" text, "rateKey" text, "locksOffReason" text, next jsonb, "blockedBy" int, "startOver" jsonb, "operationId" uuid, "followsId" int, "isUndo" boolean, "isFromPage" boolean, "parentId" int, entry text)
     ), inserted as (
       insert into ${raw(t.task)} (id, kind, operation_id, operation, title, backend, principal_id, principal_name, principal, parameters, secrets, parameters_version, meta, state, priority, due_at, expires_at,
         queue, unique_key, reuse_key, limit_key, rate_key, locks_off_reason, on_finished, blocked_by, start_over, waits_for, parent_id, follows_id, is_undo, is_from_page, line_id, request_id, queued_at)
       select id, 'own', "operationId", name, title, backend, principal->>'id', principal->>'name', principal, coalesce(params, 'null'), secrets, version, meta, case when "isLater" then 'scheduled' else 'queued' end, priority,
         case when "isLater" then clock_timestamp() + make_interval(secs => "delayMs" / 1000) end, coalesce("expiresAt", clock_timestamp() + make_interval(secs => "expireAfterMs" / 1000)),
         queue, "uniqueKey", "reuseKey", "limitKey", "rateKey", "locksOffReason", next, "blockedBy", "startOver", case when coalesce("blockedBy"::text, "startOver"::text) is not null then 'task' end, "parentId", "followsId", coalesce("isUndo", false), coalesce("isFromPage", false),
         (select coalesce(line_id, id) from ${raw(t.task)} where id = "followsId" and is_undo = coalesce("isUndo", false)), ${idsNow().requestId ?? null}::text, case when "isLater" then null else now() end
       from launch order by n
       on conflict (operation_id) do nothing returning *
     ), event as (
       insert into ${raw(t.task_event)} (task_id, state) select id, state from inserted
     ), entry as (
       ${raw(insertEntriesSql(t, '(select launch.id, entry from launch join inserted on inserted.id = launch.id) given', 'id'))}
     ), called as (
       select ${callPlacesSql(queueSchema)} from inserted where backend = '${raw(queueName)}' limit 1
     )
     select ${raw(writtenColumns())}, (select count(*) from called) as called from inserted order by id`),
  );
  const tasks = inserted.rows.map(({ called: _, ...task }) => task as OwnTask);
  await callOthers(client, context, tasks);
  return tasks;
}

function entryOf(
  { db }: TaskContext,
  { name, title }: Pick<NewOwnTask, 'name' | 'title'>,
  { principal, from, parentId, followsId }: OwnLaunch,
): string {
  return entryJson(db, {
    act: 'task-launched',
    by: principal,
    resource: from ?? null,
    details: {
      operation: name,
      title,
      ...(parentId && { parent: parentId }),
      ...(followsId && { follows: followsId }),
    },
  });
}

/** Those of other backends than the queue, whose places the statement has called. */
async function callOthers(
  client: Queryable,
  context: TaskContext,
  tasks: readonly OwnTask[],
): Promise<void> {
  const due = tasks.filter(({ state, backend }) => state === 'queued' && backend !== queueName);
  for (const backend of new Set(due.map((task) => task.backend))) {
    const taskIds = due.filter((task) => task.backend === backend).map(({ id }) => id);
    await callFor(client, context, backend, { kind: 'own', taskIds });
  }
}
