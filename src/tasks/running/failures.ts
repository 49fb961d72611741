import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { Refusal } from '../../operations/contract.ts';

/** Reasons kept apart in one chunk; the records of further ones are kept under `otherReasons`. */
const reasonsPerChunk = 20;
/** Rows kept per task with a reason each; beyond, the records of a chunk share one row. */
const reasonsPerTask = 2_000;
const messageLength = 500;

const otherReasons = 'other';

export interface Failures {
  refusals: readonly Refusal[];
  conflicts: readonly Refusal[];
}

/**
 * Writes down which records were not changed, and why. Every key is kept, so the store grows with
 * the records that failed; reasons and their texts are bounded, whatever a trigger or a hook says.
 */
export async function keepFailures(
  client: Queryable,
  t: TableNames,
  taskId: number,
  chunk: number,
  failures: Failures,
): Promise<void> {
  const kept = [
    ...bounded(failures.refusals).map((refusal) => ({ ...refusal, isConflict: false })),
    ...bounded(failures.conflicts).map((refusal) => ({ ...refusal, isConflict: true })),
  ];
  if (kept.length === 0) return;
  await client.query(
    `with size as (
       select count(*) as rows from ${t.task_failure} where task_id = $1
     ), reasons as (
       select failure ->> 'code' as code, failure ->> 'message' as message, failure ->> 'field' as field,
         (failure ->> 'isConflict')::boolean as is_conflict,
         array(select jsonb_array_elements_text(failure -> 'keys')) as keys
       from jsonb_array_elements($3::jsonb) failure
     ), fitting as (
       select code, message, field, is_conflict, keys from reasons, size where size.rows < ${reasonsPerTask}
       union all
       select '${otherReasons}', min(message), null, is_conflict, array_agg(key order by key)
       from reasons cross join unnest(keys) key, size where size.rows >= ${reasonsPerTask} group by is_conflict
     )
     insert into ${t.task_failure} (task_id, chunk, code, message, field, is_conflict, keys)
     select $1, $2, code, left(message, ${messageLength}), field, is_conflict, keys from fitting`,
    [taskId, chunk, JSON.stringify(kept)],
  );
}

function bounded(refusals: readonly Refusal[]): Refusal[] {
  const named = refusals.slice(0, reasonsPerChunk);
  const rest = refusals.slice(reasonsPerChunk);
  if (rest.length === 0) return named;
  return [
    ...named,
    {
      code: otherReasons,
      message: rest[0]?.message ?? '',
      field: null,
      keys: rest.flatMap(({ keys }) => keys),
    },
  ];
}
