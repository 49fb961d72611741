import type { Principal } from '../auth/principal.ts';
import { raw, shared, sql } from '../db/sql.ts';
import type { Where } from '../resources/client.ts';
import type { Resource } from '../resources/contract.ts';
import { type KeysAmong, keysAmong } from '../resources/where-sql.ts';
import { type Condition, invalidFilter, taskPaths } from './filter.ts';

/** The records of a task that a condition asks for; null: it asks for something else. */
export interface TaskRecords {
  taskId: number;
  what: keyof typeof taskPaths;
  /** Of failed ones: for this reason alone. */
  code: string | null;
}

/** Throws AppError 422 for what is no task's number. */
export function taskRecordsOf({ path, operator, values }: Condition): TaskRecords | null {
  const what = path === taskPaths.changed ? 'changed' : path === taskPaths.failed ? 'failed' : null;
  if (what === null) return null;
  const [, id = '', code = null] = /^(\d{1,10})(?::(.+))?$/s.exec(values[0] ?? '') ?? [];
  const isTask =
    Number(id) >= 1 &&
    Number(id) <= 2_147_483_647 &&
    (code === null || what === 'failed') &&
    !code?.includes('\0');
  if (operator !== 'is' || !isTask) throw invalidFilter(path, 'There is no such task.');
  return { taskId: Number(id), what, code };
}

/**
 * Of the resource's model, the records that a task changed or could not: whose task it is, is asked
 * here, and the row scope is the caller's. Whatever their number, the statement names the task
 * alone.
 */
export function taskRecordsWhere(
  resource: Resource,
  principal: Principal,
  { taskId, what, code }: TaskRecords,
): Where {
  const owner = resource.seesTasks(principal) ? null : principal.id;
  const among: KeysAmong = {
    sql(t) {
      const task = shared(sql`${taskId}::int`);
      const model = shared(sql`${resource.model.name}::text`);
      const by = shared(sql`${owner}::text`);
      const seen = sql`exists (select 1 from ${raw(t.task)} task where task.id = ${task} and task.model = ${model} and (${by} is null or task.principal_id = ${by}))`;
      if (what === 'changed') {
        return sql`select unnest(change.keys) from ${raw(t.change)} change where change.task_id = ${task} and change.model = ${model} and ${seen}`;
      }
      const reason = shared(sql`${code}::text`);
      return sql`select unnest(failure.keys) from ${raw(t.task_failure)} failure
        where failure.task_id = ${task} and (${reason} is null or failure.code = ${reason}) and ${seen}`;
    },
  };
  return { [keysAmong]: among };
}

/** The filter of a list that shows them. */
export function taskRecordsFilter(
  what: keyof typeof taskPaths,
  taskId: number,
  code: string | null = null,
): string {
  return new URLSearchParams({
    [taskPaths[what]]: code === null ? String(taskId) : `${taskId}:${code}`,
  }).toString();
}
