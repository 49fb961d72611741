import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { notFound } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import { seenSql, tasksSeen } from '../who-sees.ts';
import { isTaskId } from './queries.ts';

/** Encrypted, or made by the project's code of parameters of which parts may be secret. */
const neverShown = ['secrets', 'unique_key', 'reuse_key', 'limit_key', 'rate_key', 'on_finished'];

/** They have values of records in them. */
const ofValues = ['parameters', 'selection', 'meta', 'message', 'result'];

export interface RawRow {
  /** By column, as JSON has them. */
  columns: Readonly<Record<string, unknown>>;
  /** Columns that are kept back. */
  keptBack: readonly string[];
}

/** Rows are for those who see every task. */
export function seesRows(
  { registry }: Pick<TaskContext, 'registry'>,
  principal: Principal,
): boolean {
  return tasksSeen(registry, principal) === null;
}

/**
 * The row of a task as the database has it, but for what is secret, for the keys of a selection,
 * which may be many, and, where its reader may not see every field of what it is about, for what
 * values may be in. One statement. Throws AppError 'not-found' (404).
 */
export async function readRawRow(
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  id: number,
): Promise<RawRow> {
  const { db, registry } = context;
  if (!isTaskId(id) || !seesRows(context, principal)) throw notFound();
  const { rows } = await query<{ row: Record<string, unknown>; keys: number | null }>(
    db.pages,
    sql`select to_jsonb(task) - ${neverShown}::text[] #- '{selection,keys}' #- '{selection,where}' as row
        from ${raw(db.t.task)} task where id = ${id} and ${await seenSql(context, principal)}`,
  );
  const row = rows[0]?.row;
  if (!row) throw notFound();
  const hidden = seesEveryField(registry, principal, row.resource) ? [] : ofValues;
  return {
    columns: Object.fromEntries(Object.entries(row).filter(([name]) => !hidden.includes(name))),
    keptBack: [...neverShown, ...hidden],
  };
}

/** Of what is about no resource there are none to hide. */
function seesEveryField(
  registry: TaskContext['registry'],
  principal: Principal,
  slug: unknown,
): boolean {
  if (slug === null) return true;
  const whole = registry.list.find((resource) => resource.slug === slug);
  if (!whole) return false;
  const { fields } = registry.for(principal, whole.slug);
  return fields.length === whole.fields.length && whole.fields.every(({ isSecret }) => !isSecret);
}
