import { type Sql, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';

/**
 * Own tasks of these names, with parameters of a version that is known here, and what takes them
 * back where that is. Those of a later version wait for a process that knows it.
 */
export function isKnownSql(
  { definitions }: Pick<TaskContext, 'definitions'>,
  names: readonly string[] = [...definitions.keys()],
): Sql {
  const versions = names.map((name) => [name, definitions.get(name)?.options.version ?? 1]);
  const known = JSON.stringify(Object.fromEntries(versions));
  const undoable = names.filter((name) => definitions.get(name)?.options.undo);
  return sql`operation = any(${names}) and (not is_undo or operation = any(${undoable})) and parameters_version <= (${known}::jsonb ->> operation)::int`;
}
