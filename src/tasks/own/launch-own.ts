import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { whyNotPlain } from '../../plain-json.ts';
import { callPlaces } from '../../queue/wake.ts';
import type { GivenParams, Params, TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { type OwnTask, selectTask, taskColumns } from '../task-row.ts';

export interface OwnLaunch {
  /** On whose behalf it runs. */
  principal: Principal;
  /** Default: the definition's. */
  priority?: number;
  /** Milliseconds before which it does not begin. Default: 0. */
  delayMs?: number;
  /** Launched once for ever: sent again, the first task is answered. A UUID. */
  operationId?: string | null;
  /** The task that it tries again. */
  followsId?: number | null;
  /** The task that it is a part of. */
  parentId?: number | null;
}

/**
 * Launches a task of the project's own: one row, taken by the next free place of a worker. In
 * `client`'s transaction, if it is one, so that it is there when that commits and not otherwise.
 *
 * Throws AppError: 'unknown-task' 422 where it is not among the `tasks` of the admin, 'forbidden'
 * 403, 'invalid-params' 422 (details.fieldErrors by place).
 */
export async function launchOwn<S extends StandardSchemaV1, R>(
  context: TaskContext,
  definition: TaskDefinition<S, R>,
  given: GivenParams<S>,
  launch: OwnLaunch,
  client: Queryable = context.db.pages,
): Promise<OwnTask> {
  const { name, options } = definition;
  if (context.definitions.get(name) !== (definition as unknown))
    throw new AppError('unknown-task', 422, `“${name}” is not among the tasks of this admin.`);
  assertMayLaunch(definition, launch.principal);
  const plain = whyNotPlain(given ?? null, 'params');
  if (plain) throw invalid({ params: plain });
  const params = await readParams(definition, given);
  const title = typeof options.title === 'function' ? options.title(params) : options.title;
  const inserted = { name, title: title ?? name, given, launch, options };
  const task = await insert(client, context, inserted);
  if (!task) return earlier(client, context, launch);
  await callPlaces(client, context.db);
  return task;
}

export function assertMayLaunch(
  { options }: { options: Pick<TaskDefinition['options'], 'allowed'> },
  principal: Principal,
): void {
  if (options.allowed && !options.allowed(principal))
    throw new AppError('forbidden', 403, `${principal.name} may not launch this task.`);
}

/** What the definition's validator makes of parameters. Throws AppError 'invalid-params' (422). */
export async function readParams<S extends StandardSchemaV1, R>(
  { options }: TaskDefinition<S, R>,
  given: unknown,
): Promise<Params<S>> {
  const read = await options.params['~standard'].validate(given);
  if (!read.issues) return read.value as Params<S>;
  throw invalid(
    Object.fromEntries(
      read.issues.map(({ path = [], message }) => [
        path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') ||
          'params',
        message,
      ]),
    ),
  );
}

function invalid(fieldErrors: Record<string, string>): AppError {
  const [first] = Object.entries(fieldErrors);
  const message = first ? `${first[0]}: ${first[1]}` : 'These parameters cannot be used.';
  return new AppError('invalid-params', 422, message, { fieldErrors });
}

interface Inserted {
  name: string;
  title: string;
  given: unknown;
  launch: OwnLaunch;
  options: Pick<TaskDefinition['options'], 'priority'>;
}

async function insert(
  client: Queryable,
  { db: { t } }: TaskContext,
  { name, title, given, launch, options }: Inserted,
): Promise<OwnTask | null> {
  const { principal, priority = options.priority ?? 0, delayMs = 0 } = launch;
  const { operationId = null, followsId = null, parentId = null } = launch;
  const { rows } = await query<OwnTask>(
    client,
    sql`with inserted as (
       insert into ${raw(t.task)} (kind, operation_id, operation, title, backend, principal_id, principal_name, principal, parameters, state, priority, due_at, parent_id, follows_id, line_id, queued_at)
       values ('own', ${operationId}::uuid, ${name}, ${title.replaceAll('\0', '').slice(0, 500)}, 'queue', ${principal.id}, ${principal.name}, ${JSON.stringify(principal)}, ${JSON.stringify(given ?? null)},
         'queued', ${priority}, case when ${delayMs}::float8 > 0 then clock_timestamp() + make_interval(secs => ${delayMs}::float8 / 1000) end, ${parentId}::int, ${followsId}, (select coalesce(line_id, id) from ${raw(t.task)} where id = ${followsId}), now())
       on conflict (operation_id) do nothing returning *
     ), event as (
       insert into ${raw(t.task_event)} (task_id, state) select id, state from inserted
     )
     select ${raw(taskColumns(t))} from inserted`,
  );
  return rows[0] ?? null;
}

async function earlier(
  client: Queryable,
  { db: { t } }: TaskContext,
  { operationId, principal }: OwnLaunch,
): Promise<OwnTask> {
  const { rows } = await client.query<OwnTask>(
    `${selectTask(t)} where operation_id = $1 and kind = 'own' and principal_id = $2`,
    [operationId, principal.id],
  );
  if (rows[0]) return rows[0];
  throw new AppError(
    'preview-gone',
    409,
    'This form is no longer valid. Open it again. Nothing was started.',
  );
}
