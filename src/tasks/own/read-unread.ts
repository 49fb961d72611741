import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import type { OwnTask } from '../task-row.ts';
import { titleOf } from './launch-own.ts';
import { launchRules } from './launch-rules.ts';
import { maskParams } from './mask.ts';
import { readParams } from './read-params.ts';

/** A task that SQL launched, which knows nothing of what the definition says. */
export type Unread = Pick<OwnTask, 'id' | 'operation' | 'parameters' | 'priority'>;

/** Its parameters cannot be used: it has failed. */
export const unreadable = Symbol('unreadable');

/**
 * Works out what a launch from JavaScript would have: title, queue, limits; gives the key with which
 * it may not be twice, if it has one. Its row is locked.
 */
export async function readUnread(
  client: Queryable,
  { db: { t } }: TaskContext,
  definition: TaskDefinition,
  task: Unread,
): Promise<string | null | typeof unreadable> {
  const { secret } = definition.options;
  if (secret) {
    await query(
      client,
      sql`update ${raw(t.task)} set parameters = ${JSON.stringify(maskParams(task.parameters, secret))}::jsonb where id = ${task.id}`,
    );
    await moveTask(client, t, task.id, 'failed', {
      reason: 'secret-params',
      message: 'Some of its parameters are secret, so SQL cannot launch it.',
    });
    return unreadable;
  }
  try {
    const params = await readParams(definition, task.parameters);
    const rules = launchRules(definition, task.parameters, params);
    await query(
      client,
      sql`update ${raw(t.task)} set is_unread = false, title = ${titleOf(definition, params, task.parameters)}, queue = ${rules.queue}, parameters_version = ${definition.options.version ?? 1},
         priority = ${task.priority === 0 ? (definition.options.priority ?? 0) : task.priority},
         unique_key = ${rules.uniqueKey}, reuse_key = ${rules.reuseKey}, limit_key = ${rules.limitKey}, rate_key = ${rules.rateKey}, locks_off_reason = ${rules.locksOffReason},
         expires_at = coalesce(expires_at, clock_timestamp() + make_interval(secs => ${rules.expireAfterMs}::float8 / 1000))
       where id = ${task.id}`,
    );
    return rules.uniqueKey;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await moveTask(client, t, task.id, 'failed', { reason: error.code, message: error.message });
    return unreadable;
  }
}
