import { query, raw, sql } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { keyCondition, keySql } from '../metadata/key-sql.ts';
import { appliedBy } from './applied-by.ts';
import type { ApplyCounts, Operation } from './contract.ts';

/**
 * SQL of the snapshot to compare with later. `pg_current_snapshot` knows of every writer of the
 * server: somebody's long transaction in another database would make all that was written since it
 * began look new. So it begins at the oldest writer of this database. One that ends meanwhile ends
 * before the preview reads.
 */
export const snapshotSql = `(select least(min(writer + 4294967296 * round((next - writer) / 4294967296)), next)::text || ':' || next::text || ':'
  from (select pg_snapshot_xmax(pg_current_snapshot())::text::numeric as next) now
  left join (
    select backend_xid::text::numeric as writer from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    union all select transaction::text::numeric from pg_prepared_xacts where database = current_database()
  ) writers on true
  group by next)`;

/**
 * The same operation, that leaves alone, as conflicts, records that somebody has written since the
 * snapshot of a preview.
 */
export function sincePreview(operation: Operation, snapshot: string | null): Operation {
  if (snapshot === null) return operation;
  return appliedBy(operation, async (client, target, keys, params) => {
    const { model, singular } = target.resource;
    const written = await keysWrittenSince(client, model, keys, snapshot);
    const rest = keys.filter((key) => !written.has(key));
    const left: ApplyCounts = { changed: 0, unchanged: 0, gone: 0 };
    const counts = rest.length === 0 ? left : await operation.apply(client, target, rest, params);
    if (written.size === 0) return counts;
    const message = `Somebody changed the ${singular.toLowerCase()} since the preview.`;
    const conflicts = [
      ...(counts.conflicts ?? []),
      { code: 'changed-since-preview', message, keys: [...written] },
    ];
    return { ...counts, conflicts };
  });
}

/**
 * Locks the rows and returns the keys of those written by a transaction whose end the snapshot did
 * not see. It compares transaction numbers, since `pg_visible_in_snapshot` misjudges what was
 * written inside a savepoint. A row has only the last 32 bits of the number; the others are chosen
 * so that it comes nearest to the snapshot's. Rows frozen so long ago that their number has wrapped
 * would seem to be of the future, which ends a million transactions from now.
 */
async function keysWrittenSince(
  client: Queryable,
  model: ModelMeta,
  keys: readonly string[],
  snapshot: string,
): Promise<Set<string>> {
  const { rows } = await query<{ key: string }>(
    client,
    sql`select key from (
       select key, written + 4294967296 * round((first - written) / 4294967296) as written, first, last from (
         select ${raw(keySql(model, 't'))} collate "C" as key, t.xmin::text::numeric as written,
           pg_snapshot_xmin(${snapshot}::pg_snapshot)::text::numeric as first, pg_snapshot_xmax(pg_current_snapshot())::text::numeric + 1000000 as last
         from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} order by 1 for update of t
       ) locked
     ) numbered where written >= first and written < last`,
  );
  return new Set(rows.map(({ key }) => key));
}
