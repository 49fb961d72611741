import { createHash } from 'node:crypto';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { inOrder } from '../../plain-json.ts';
import type { UniqueLaunch } from '../../resources/options.ts';
import type { TaskContext } from '../context.ts';
import { duplicate, type TaskFound } from '../duplicate.ts';
import { findTaskByOperation, type NewTask } from '../insert-task.ts';
import { earlierTask, type Launched } from '../launched.ts';
import { askTurn, listSame, lockTurn, type Room, type Same } from '../own/unique.ts';
import { type BulkTask, selectTask } from '../task-row.ts';
import { asShown } from './as-shown.ts';

type Asked = Pick<NewTask, 'resource' | 'principal' | 'operation' | 'parameters' | 'selection'>;
type Asking = Pick<NewTask, 'operation' | 'operationId' | 'principal'> & {
  unique: NonNullable<NewTask['unique']>;
};

/**
 * By what a launch is found that is under way already: equal for a repeated one, whichever form it
 * comes from. Throws AppError 'invalid-operation' (422) where the resource's rule cannot say it.
 */
export function sameness(context: Pick<TaskContext, 'log'>, asked: Asked): Asking['unique'] {
  const { resource, principal, operation, parameters, selection } = asked;
  const { model, unique } = resource;
  const key = unique?.key
    ? askKey(context, unique.key, asked)
    : [principal.id, parameters, selection];
  const text = JSON.stringify([model.name, operation, key], inOrder);
  return {
    key: createHash('sha256').update(text).digest('hex'),
    policy: unique?.policy ?? 'existing',
  };
}

function askKey(
  { log }: Pick<TaskContext, 'log'>,
  ask: (launch: UniqueLaunch) => string,
  { resource: { label }, principal, operation, parameters, selection }: Asked,
): string {
  try {
    const { filter, keys = null, exclusions = null, where = null } = selection;
    const selected = { filter, keys, exclusions, where };
    const key: unknown = ask({ principal, operation, parameters, selection: selected });
    // What it promises comes too late, also as an error that nobody waits for.
    if (key instanceof Promise) key.catch(() => undefined);
    if (typeof key !== 'string') throw new TypeError('It must give a text, at once.');
    if (key.includes('\0')) throw new TypeError('It must give a text without a NUL.');
    return key;
  } catch (error) {
    log('error', 'it cannot be said what is the same, so nothing is launched', {
      resource: label,
      error,
    });
    const message = `The unique.key rule of ${label} failed. The log has the details. Nothing was changed.`;
    throw new AppError('invalid-operation', 422, message, { fieldErrors: {} });
  }
}

/**
 * What a launch is answered with before anything else is looked at; null: it is asked again in its
 * turn. Throws AppError 'duplicate' (409).
 */
export async function findSame(context: TaskContext, task: Asking): Promise<Launched | null> {
  const { policy } = task.unique;
  if (policy !== 'existing' && policy !== 'refuse') return null;
  const { pages } = context.db;
  const found = await listSame(pages, context, sameOf(task));
  const isSent = ({ operationId }: TaskFound) =>
    operationId !== null && operationId === task.operationId?.toLowerCase();
  const first = found.find(isSent) ?? found[0];
  if (!first) return null;
  if (policy === 'refuse' && !isSent(first)) throw duplicate(context, task.principal, first);
  return answer(pages, context, task, first);
}

/** Locked before the models are whose records it is about, its turn is asked after. */
export function lockBulkTurn(
  client: Queryable,
  context: Pick<TaskContext, 'db'>,
  task: Asking,
): Promise<void> {
  return lockTurn(client, context, sameOf(task));
}

/**
 * What a launch is answered with, or what makes room for it, once its turn is locked. Throws
 * AppError 'duplicate' (409).
 */
export async function askBulkTurn(
  client: Queryable,
  context: TaskContext,
  task: Asking,
): Promise<{ answer: Launched } | Room> {
  const { principal, operationId } = task;
  // Asked when it is our turn: the same form, sent at the same moment, may have been faster.
  const sent =
    operationId && (await findTaskByOperation(context.db, principal, operationId, client));
  if (sent) return { answer: { task: sent, outcome: 'already' } };
  const { policy } = task.unique;
  const turn = await askTurn(client, context, { ...sameOf(task), policy, principal });
  if (!('existing' in turn)) return turn;
  return { answer: await answer(client, context, task, turn.existing) };
}

function sameOf({ operation, unique }: Asking): Same {
  return { kind: 'bulk', name: operation, uniqueKey: unique.key };
}

async function answer(
  client: Queryable,
  context: TaskContext,
  { principal, operationId }: Asking,
  { id }: TaskFound,
): Promise<Launched> {
  const { rows } = await client.query<BulkTask>(`${selectTask(context.db.t)} where id = $1`, [id]);
  return asShown(context, principal, earlierTask(rows[0] as BulkTask, operationId));
}
