import { sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import type { FieldEdit } from '../../operations/field-edit.ts';
import { seenEdits } from '../../operations/operations.ts';
import { compareStatement, valuesStatement } from '../../operations/update/update-sql.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import type { TaskRow } from '../task-row.ts';

/** Longest that an expression of a task is worked out for a page. */
const withinMs = 500;

export interface FailedValues {
  /** Of the fields that the reader sees, in the order of the values. */
  edits: readonly FieldEdit[];
  /**
   * Texts of PostgreSQL's as they are now and as the task wanted them; null: they cannot be worked
   * out.
   */
  byKey: ReadonlyMap<
    string,
    { now: readonly (string | null)[]; wanted: readonly (string | null)[] | null }
  >;
}

/**
 * What records of `keys` hold and what an update wanted them to hold, as far as the resource shows
 * its fields. At most two statements.
 */
export async function failedValues(
  { db }: Pick<TaskContext, 'db'>,
  resource: Resource,
  task: TaskRow,
  keys: readonly string[],
): Promise<FailedValues> {
  const edits = seenEdits(resource, task);
  if (edits.length === 0 || keys.length === 0) return { edits, byKey: new Map() };
  try {
    const compared = compareStatement(resource, keys, edits);
    const compare = async (client: Queryable) => {
      await client.query(`set local statement_timeout = ${withinMs}`);
      return (
        await client.query<{ key: string; before: (string | null)[]; after: (string | null)[] }>(
          compared.text,
          compared.values,
        )
      ).rows;
    };
    const rows = await transaction(db.pages, compare, { waitsForNobody: true });
    return {
      edits,
      byKey: new Map(rows.map(({ key, before, after }) => [key, { now: before, wanted: after }])),
    };
  } catch (error) {
    // A value that no column has room for, or an expression that takes too long: there is nothing
    // to compare with.
    if (!/^(22|57014)/.test(sqlstateOf(error) ?? '')) throw error;
  }
  const read = valuesStatement(
    resource,
    keys,
    edits.map(({ field }) => field),
  );
  const { rows } = await db.pages.query<{ key: string; texts: (string | null)[] }>(
    read.text,
    read.values,
  );
  return {
    edits,
    byKey: new Map(rows.map(({ key, texts }) => [key, { now: texts, wanted: null }])),
  };
}
