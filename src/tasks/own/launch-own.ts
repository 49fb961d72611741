import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { whyNotPlain } from '../../plain-json.ts';
import { inlineName } from '../../queue/backend.ts';
import type { GivenParams, Params, TaskDefinition } from '../../task-definitions/define-task.ts';
import { mayLaunch } from '../../task-definitions/may-launch.ts';
import { abilitiesOf, backendOfOwn } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { duplicate } from '../duplicate.ts';
import { inInlineTurn } from '../inline-turns.ts';
import { type OwnTask, selectTask } from '../task-row.ts';
import { insertOwn, type NewOwnTask } from './insert-own.ts';
import { launchRules } from './launch-rules.ts';
import { hider, maskParams } from './mask.ts';
import type { OnFinished, OwnLaunch } from './own-launch.ts';
import { invalidParams, readParams } from './read-params.ts';
import { findReusable, type Reusable } from './reuse.ts';
import { encryptParams } from './secret-params.ts';
import { askTurn, freeTurn, lockTurn, makeRoom, placeOf } from './unique.ts';

const turnHeld =
  'The same is being launched by somebody who has not come to an end. Nothing was started. Try again in a moment.';

/**
 * Launches a task of the project's own: one row, taken by the next free place of a worker. In
 * `given`, a transaction, if there is one, so that it is there when that commits and not otherwise.
 * Where the same is under way and its policy is `existing`, or was done lately and its result may be
 * used again, that task is answered.
 *
 * Throws AppError: 'unknown-task' 422 where it is not among the `tasks` of the admin, 'forbidden'
 * 403, 'invalid-params' 422 (details.fieldErrors by place), 'duplicate' 409 (details.taskId where the
 * principal may see it), 'wrong-isolation' 422, 'not-later' 422 where its backend cannot do what is asked,
 * 'no-turn' 503 where it runs inline and found no turn, 'busy' 503 where another launch of the same does
 * not end.
 */
export async function launchOwn<S extends StandardSchemaV1, R>(
  context: TaskContext,
  definition: TaskDefinition<S, R>,
  params: GivenParams<S>,
  launch: OwnLaunch,
  given?: Queryable,
): Promise<OwnTask> {
  const client = given ?? context.db.pages;
  // What is sent again is asked nothing, not even of its manager.
  const again = launch.operationId ? await findEarlier(client, context, launch) : null;
  if (again) return again;
  const row = await prepareLaunch(context, definition, params, launch);
  assertCan(context, row, given !== undefined);
  const inserted = async (): Promise<Inserted> => {
    if (!isAsked(row)) {
      const [task] = await insertOwn([row], context, given);
      return { task: task ?? (await earlier(client, context, launch)), isNew: task !== undefined };
    }
    const inTurn = (client: Queryable) => launchInTurn(client, context, definition, row);
    return given ? inTurn(given) : patientTransaction(context.db.pages, turnHeld, inTurn);
  };
  if (row.backend !== inlineName || given) return (await inserted()).task;
  return inInlineTurn(context, async () => {
    const { task, isNew } = await inserted();
    return isNew ? runInserted(context, task) : task;
  });
}

interface Inserted {
  task: OwnTask;
  /** False: it is one that was launched before. */
  isNew: boolean;
}

async function runInserted(context: TaskContext, task: OwnTask): Promise<OwnTask> {
  await context.runWithin(task);
  return getOwn(context.db.pages, context, task.id);
}

/** Throws AppError 'not-later' (422) where its backend cannot do what is asked of the launch. */
function assertCan(
  context: TaskContext,
  { backend, name, launch, next }: NewOwnTask,
  isInTransaction: boolean,
): void {
  const { delayMs = 0, isRunAfter = false } = launch;
  const refuse = (what: string) => {
    throw new AppError('not-later', 422, `“${name}” ${what} Nothing was started.`);
  };
  if (delayMs > 0 && !abilitiesOf(context, { backend }).later)
    refuse(`runs by the backend “${backend}”, which cannot begin it later.`);
  if (backend === inlineName && isInTransaction && !isRunAfter)
    refuse(
      'runs within the call that launches it, so it cannot be launched in a transaction, nor as a part from outside of its run.',
    );
  if (next && !abilitiesOf(context, next).later)
    refuse(`is to launch a task at its end, which the backend “${next.backend}” cannot.`);
}

/**
 * Launches one task for each of `params`, all of them or none, in one statement where none has to
 * be asked for its turn. Throws as `launchOwn`; details.fieldErrors begin with the number of the
 * parameters.
 */
export async function launchManyOwn<S extends StandardSchemaV1, R>(
  context: TaskContext,
  definition: TaskDefinition<S, R>,
  params: readonly GivenParams<S>[],
  launch: Omit<OwnLaunch, 'operationId' | 'followsId' | 'isRunAfter'>,
  given?: Queryable,
): Promise<OwnTask[]> {
  const rows: NewOwnTask[] = [];
  for (const [index, one] of params.entries())
    rows.push(await prepareLaunch(context, definition, one, launch).catch(inPlace(index)));
  if (rows.length === 0) return [];
  for (const row of rows) assertCan(context, row, given !== undefined);
  const inserted = async (): Promise<Inserted[]> => {
    if (!rows.some(isAsked)) {
      const tasks = await insertOwn(rows, context, given);
      return tasks.map((task) => ({ task, isNew: true }));
    }
    const oneByOne = async (client: Queryable) => {
      const launched: Inserted[] = [];
      for (const row of rows) launched.push(await launchInTurn(client, context, definition, row));
      return launched;
    };
    return given ? oneByOne(given) : patientTransaction(context.db.pages, turnHeld, oneByOne);
  };
  if (!rows.some(({ backend }) => backend === inlineName))
    return (await inserted()).map(({ task }) => task);
  return inInlineTurn(context, async () => {
    const launched = await inserted();
    const isToRun = ({ task, isNew }: Inserted) => isNew && task.backend === inlineName;
    await context.runWithin(...launched.filter(isToRun).map(({ task }) => task));
    const tasks: OwnTask[] = [];
    for (const one of launched)
      tasks.push(isToRun(one) ? await getOwn(context.db.pages, context, one.task.id) : one.task);
    return tasks;
  });
}

function inPlace(index: number): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof AppError && error.code === 'invalid-params')) throw error;
    const named = Object.entries(error.details?.fieldErrors ?? {});
    throw invalidParams(
      Object.fromEntries(named.map(([place, why]) => [`${index}.${place}`, why])),
    );
  };
}

async function prepareLaunch<S extends StandardSchemaV1, R>(
  context: TaskContext,
  definition: TaskDefinition<S, R>,
  params: GivenParams<S>,
  launch: OwnLaunch,
): Promise<NewOwnTask> {
  const { name, options } = definition;
  if (context.definitions.get(name) !== (definition as unknown))
    throw new AppError('unknown-task', 422, `“${name}” is not among the tasks of this admin.`);
  if (!mayLaunch(definition, launch.principal))
    throw new AppError('forbidden', 403, `${launch.principal.name} may not launch this task.`);
  const { from: resource = null, meta: wanted = null, principal } = launch;
  const meta = await context.onLaunch({ name, resource, principal, meta: wanted });
  const plain = whyNotPlain(params ?? null, 'params') ?? whyNotPlain(meta ?? null, 'meta');
  if (plain) throw invalidParams({ params: plain });
  const { version = options.version ?? 1 } = launch;
  if (version > (options.version ?? 1))
    throw new AppError('unknown-task', 422, `“${name}” is not known here in version ${version}.`);
  const read = await readParams(definition, params, version);
  const said = titleOf(definition, read, params);
  const title = launch.isUndo ? `Undo: ${said}`.slice(0, maxTitleLength) : said;
  const whole = launchRules(definition as unknown as TaskDefinition, params ?? null, read);
  // An undo is not the same as what it takes back.
  const rules = launch.isUndo ? { ...whole, uniqueKey: null, reuseKey: null } : whole;
  const { priority = options.priority ?? 0, onFinished, backend: _, ...rest } = launch;
  const next = onFinished && (await prepareNext(context, onFinished, launch.principal));
  const backend =
    launch.backend ??
    backendOfOwn(context, definition as unknown as TaskDefinition, { principal, resource });
  const row = { name, title, backend, launch: { ...rest, meta }, rules, priority, version, next };
  const { secret } = options;
  if (!secret) return { ...row, params };
  const secrets = encryptParams(context, name, params);
  return { ...row, params: maskParams(params, secret), secrets };
}

/** As the row keeps it whose end launches it. */
async function prepareNext(
  context: TaskContext,
  { task, params }: OnFinished,
  principal: Principal,
): Promise<object & { backend: string }> {
  const { launch: _, rules, ...row } = await prepareLaunch(context, task, params, { principal });
  return { ...row, ...rules };
}

/**
 * Is it asked whether the same is under way, or was done lately? What is to begin later is asked
 * then, and for the former alone.
 */
function isAsked({ rules, launch: { delayMs = 0 } }: NewOwnTask): boolean {
  return (rules.uniqueKey !== null || rules.reuseKey !== null) && delayMs <= 0;
}

async function launchInTurn(
  client: Queryable,
  context: TaskContext,
  definition: Reusable & { options: Pick<TaskDefinition['options'], 'unique'> },
  row: NewOwnTask,
): Promise<Inserted> {
  const { launch, rules } = row;
  const { name } = definition;
  const { uniqueKey } = rules;
  const same = uniqueKey === null ? null : { kind: 'own' as const, name, uniqueKey };
  if (same) await lockTurn(client, context, same);
  // Asked when it is our turn: the same form, sent at the same moment, may have been faster.
  const again = launch.operationId ? await findEarlier(client, context, launch) : null;
  if (again) return { task: again, isNew: false };
  const { policy = 'existing' } = definition.options.unique ?? {};
  const { reuse = true, principal } = launch;
  const turn = same ? await askTurn(client, context, { ...same, policy, principal }) : freeTurn;
  if ('existing' in turn)
    return { task: await getOwn(client, context, turn.existing.id), isNew: false };
  // What is behind another would wait for it.
  const [first] = turn.behind;
  if (first && !abilitiesOf(context, row).later) throw duplicate(context, principal, first);
  const reused = reuse ? await findReusable(client, context, definition, rules, principal) : null;
  if (reused) return { task: reused, isNew: false };
  const [inserted] = await insertOwn([{ ...row, ...placeOf(turn) }], context, client);
  if (!inserted) return { task: await earlier(client, context, launch), isNew: false };
  // For a task that is there: a form with another key may have been sent before.
  await makeRoom(client, context, turn);
  return { task: inserted, isNew: true };
}

const maxTitleLength = 500;

/** What people call it, without what is secret in it; no column holds a NUL. */
export function titleOf<S extends StandardSchemaV1, R>(
  { name, options }: TaskDefinition<S, R>,
  params: Params<S>,
  given: unknown,
): string {
  const { secret } = options;
  const shown = maskParams(params, secret) as Params<S>;
  const title = typeof options.title === 'function' ? options.title(shown) : options.title;
  if (title !== undefined && typeof title !== 'string')
    throw new TypeError(`${name}: title must give a text.`);
  const said = hider(secret, given, params)(title?.trim() || name);
  return said.replaceAll('\0', '').slice(0, maxTitleLength);
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
