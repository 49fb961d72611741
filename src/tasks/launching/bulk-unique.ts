import { createHash } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { inOrder } from '../../plain-json.ts';
import type { Resource } from '../../resources/contract.ts';
import type { UniqueLaunch } from '../../resources/options.ts';
import type { TaskContext } from '../context.ts';
import type { NewTask } from '../insert-task.ts';
import { earlierTask, type Launched } from '../launched.ts';
import { askTurn } from '../own/unique.ts';
import { type BulkTask, selectTask } from '../task-row.ts';
import { seesTask } from '../who-sees.ts';

type Asked = Omit<UniqueLaunch, 'selection'> & {
  resource: Resource;
  selection: NewTask['selection'];
};

/** By what a launch is found that is under way already. */
export function sameness(
  context: Pick<TaskContext, 'log'>,
  asked: Asked,
): Pick<NewTask, 'taskKey' | 'unique'> {
  const { resource, principal, operation, parameters, selection } = asked;
  const { model, unique, label } = resource;
  if (!unique)
    return {
      taskKey: hashed([principal.id, model.name, operation, parameters, selection]),
      unique: null,
    };
  const { policy = 'existing' } = unique;
  const key = unique.key
    ? askKey(context, label, unique.key, asked)
    : [principal.id, parameters, selection];
  return { taskKey: null, unique: { key: hashed([model.name, key]), policy } };
}

function askKey(
  { log }: Pick<TaskContext, 'log'>,
  label: string,
  ask: (launch: UniqueLaunch) => string,
  { principal, operation, parameters, selection }: Asked,
): string {
  try {
    const { filter, keys, where } = selection;
    const selected = { filter, keys: keys ?? null, where: where ?? null };
    const key: unknown = ask({ principal, operation, parameters, selection: selected });
    if (typeof key === 'string') return key;
    throw new TypeError(`unique.key gave ${typeof key}, and must give a text.`);
  } catch (error) {
    log('error', 'what is the same cannot be told, so it is not launched', {
      resource: label,
      error: error instanceof Error ? error.stack : String(error),
    });
    const message = `The unique.key rule of ${label} failed. The log has the details. Nothing was changed.`;
    throw new AppError('invalid-operation', 422, message, { fieldErrors: {} });
  }
}

function hashed(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts, inOrder)).digest('hex');
}

/**
 * Asks whether the same is under way, by the rules of its resource, and makes room by its policy:
 * gives what the launch is answered with, or the task that it goes behind (null: none). Throws
 * AppError 'duplicate' (409, details.taskId where it is this person’s to see).
 */
export async function askBulkTurn(
  client: Queryable,
  context: TaskContext,
  { unique, operation, operationId, principal }: NewTask,
): Promise<{ answer: Launched } | { answer: null; after: number | null }> {
  if (!unique) return { answer: null, after: null };
  const { key: uniqueKey, policy } = unique;
  const turn = await askTurn(client, context, { name: operation, uniqueKey, policy });
  if ('after' in turn) return { answer: null, after: turn.after };
  const { rows } = await client.query<BulkTask>(`${selectTask(context.db.t)} where id = $1`, [
    turn.existing,
  ]);
  const task = rows[0] as BulkTask;
  if (!seesTask(context, principal, task)) throw underWay(principal, task);
  return { answer: earlierTask(task, operationId) };
}

function underWay({ id }: Principal, { principalId, principalName }: BulkTask): AppError {
  const whose = principalId === id ? '' : `, launched by ${principalName}`;
  return new AppError(
    'duplicate',
    409,
    `The same is under way already${whose}. Nothing was changed.`,
  );
}
