import type { Queryable } from '../../db/transaction.ts';
import type { ApplyCounts, ApplyTarget, Refusal, StatementRow } from '../contract.ts';
import type { FieldEdit } from '../field-edit.ts';
import { keptBack, without } from '../refusals/kept-back.ts';
import { differingStatement, updateStatement } from './update-sql.ts';

/** Writes the set as one statement says it. */
export async function writeSet(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  edits: readonly FieldEdit[],
  options?: { countsSame: boolean },
): Promise<{ changed: number; unchanged: number; left: string[]; putBack: string[] }> {
  const statement = updateStatement(target, keys, edits, options);
  const { rows } = await client.query<StatementRow>(statement.text, statement.values);
  const { changed = 0, unchanged = 0, written = null, putBack } = rows[0] ?? {};
  return {
    changed,
    unchanged,
    left: written === null ? [] : without(keys, written),
    putBack: putBack ?? [],
  };
}

/** Of records that were not written: equal already, no longer there, or kept back. */
export async function settleUpdate(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  edits: readonly FieldEdit[],
): Promise<ApplyCounts> {
  const statement = differingStatement(target.resource, keys, edits);
  const { rows } = await client.query<{ key: string; isChanged: boolean }>(
    statement.text,
    statement.values,
  );
  const differing = rows.filter(({ isChanged }) => isChanged).map(({ key }) => key);
  const counts: ApplyCounts = {
    changed: 0,
    unchanged: rows.length - differing.length,
    gone: keys.length - rows.length,
  };
  if (differing.length === 0) return counts;
  // One that somebody changed after the statement had looked at it is written now.
  const again = await writeSet(client, target, differing, edits);
  const unchanged = counts.unchanged + again.unchanged;
  return {
    ...counts,
    changed: again.changed,
    unchanged,
    refusals: [keptBack([...again.left, ...again.putBack])].filter(hasKeys),
  };
}

function hasKeys({ keys }: Refusal): boolean {
  return keys.length > 0;
}
