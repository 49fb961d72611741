import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { whyNotPlain } from '../../plain-json.ts';
import { callPlacesSql } from '../../queue/wake.ts';
import type { GivenParams, Params, TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { type OwnTask, selectTask, taskColumns } from '../task-row.ts';
import { type LaunchRules, launchRules } from './launch-rules.ts';
import { askTurn } from './unique.ts';

export interface OwnLaunch {
  /** On whose behalf it runs. */
  principal: Principal;
  /** Default: the definition's. */
  priority?: number;
  /** Milliseconds before which it does not begin. Default: 0. */
  delayMs?: number;
  /** Not begun by then, it is cancelled. Default: as the definition says. */
  expiresAt?: Date | null;
  /** Launched once for ever: sent again, the first task is answered. A UUID. */
  operationId?: string | null;
  /** The task that it tries again. */
  followsId?: number | null;
}

/**
 * Launches a task of the project's own: one row, taken by the next free place of a worker. In
 * `given`, a transaction, if there is one, so that it is there when that commits and not otherwise.
 * Where the same is under way and its policy is `existing`, that task is answered.
 *
 * Throws AppError: 'unknown-task' 422 where it is not among the `tasks` of the admin, 'forbidden'
 * 403, 'invalid-params' 422 (details.fieldErrors by place), 'duplicate' 409 (details.taskId),
 * 'wrong-isolation' 422.
 */
export async function launchOwn<S extends StandardSchemaV1, R>(
  context: TaskContext,
  definition: TaskDefinition<S, R>,
  params: GivenParams<S>,
  launch: OwnLaunch,
  given?: Queryable,
): Promise<OwnTask> {
  const { name, options } = definition;
  if (context.definitions.get(name) !== (definition as unknown))
    throw new AppError('unknown-task', 422, `“${name}” is not among the tasks of this admin.`);
  assertMayLaunch(definition, launch.principal);
  const plain = whyNotPlain(params ?? null, 'params');
  if (plain) throw invalid({ params: plain });
  const read = await readParams(definition, params);
  const title = typeof options.title === 'function' ? options.title(read) : options.title;
  const rules = launchRules(definition as unknown as TaskDefinition, params ?? null, read);
  const { priority = options.priority ?? 0, delayMs = 0 } = launch;
  const row = { name, title: title ?? name, params, launch, rules, priority };
  const { uniqueKey } = rules;
  if (uniqueKey === null || delayMs > 0) {
    const client = given ?? context.db.pages;
    return (await insertOwn(client, context, row)) ?? earlier(client, context, launch);
  }
  const inTurn = async (client: Queryable) => {
    const again = launch.operationId ? await findEarlier(client, context, launch) : null;
    if (again) return again;
    const turn = await askTurn(client, context, {
      name,
      uniqueKey,
      policy: options.unique?.policy ?? 'existing',
    });
    if ('existing' in turn) return getOwn(client, context, turn.existing);
    const inserted = await insertOwn(client, context, { ...row, blockedBy: turn.after });
    return inserted ?? earlier(client, context, launch);
  };
  return given ? inTurn(given) : transaction(context.db.pages, inTurn);
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

interface NewOwnTask {
  name: string;
  title: string;
  params: unknown;
  launch: OwnLaunch;
  rules: LaunchRules;
  priority: number;
  blockedBy?: number | null;
}

/** Null: one with its operation id is there already. Free places are called by the same statement. */
async function insertOwn(
  client: Queryable,
  { db: { t, queueSchema } }: TaskContext,
  { name, title, params, launch, rules, priority, blockedBy = null }: NewOwnTask,
): Promise<OwnTask | null> {
  const { principal, delayMs = 0, operationId = null, followsId = null } = launch;
  const { queue, uniqueKey, limitKey, rateKey, expireAfterMs } = rules;
  const after = (ms: number | null) =>
    sql`clock_timestamp() + make_interval(secs => ${ms}::float8 / 1000)`;
  const isLater = delayMs > 0;
  const { rows } = await query<OwnTask>(
    client,
    sql`with inserted as (
       insert into ${raw(t.task)} (kind, operation_id, operation, title, backend, principal_id, principal_name, principal, parameters, state, priority, due_at, expires_at,
         queue, unique_key, limit_key, rate_key, blocked_by, waits_for, follows_id, line_id, queued_at)
       values ('own', ${operationId}::uuid, ${name}, ${title.replaceAll('\0', '').slice(0, 500)}, 'queue', ${principal.id}, ${principal.name}, ${JSON.stringify(principal)}, ${JSON.stringify(params ?? null)},
         ${isLater ? 'scheduled' : 'queued'}, ${priority}, ${isLater ? after(delayMs) : raw('null')}, ${launch.expiresAt === undefined ? after(expireAfterMs) : sql`${launch.expiresAt}::timestamptz`},
         ${queue}, ${uniqueKey}, ${limitKey}, ${rateKey}, ${blockedBy}, ${blockedBy === null ? null : 'task'}, ${followsId}, (select coalesce(line_id, id) from ${raw(t.task)} where id = ${followsId}), ${isLater ? raw('null') : raw('now()')})
       on conflict (operation_id) do nothing returning *
     ), event as (
       insert into ${raw(t.task_event)} (task_id, state) select id, state from inserted
     ), called as (
       select ${callPlacesSql(queueSchema)} from inserted
     )
     select ${raw(taskColumns(t))}, (select count(*) from called) as called from inserted`,
  );
  if (!rows[0]) return null;
  const { called: _, ...task } = rows[0] as OwnTask & { called: unknown };
  return task;
}

async function earlier(
  client: Queryable,
  context: TaskContext,
  launch: OwnLaunch,
): Promise<OwnTask> {
  const task = await findEarlier(client, context, launch);
  if (task) return task;
  throw new AppError(
    'preview-gone',
    409,
    'This form is no longer valid. Open it again. Nothing was started.',
  );
}

async function findEarlier(
  client: Queryable,
  { db: { t } }: TaskContext,
  { operationId, principal }: OwnLaunch,
): Promise<OwnTask | null> {
  const { rows } = await client.query<OwnTask>(
    `${selectTask(t)} where operation_id = $1 and kind = 'own' and principal_id = $2`,
    [operationId, principal.id],
  );
  return rows[0] ?? null;
}

async function getOwn(client: Queryable, { db: { t } }: TaskContext, id: number): Promise<OwnTask> {
  const { rows } = await client.query<OwnTask>(`${selectTask(t)} where id = $1`, [id]);
  return rows[0] as OwnTask;
}
