import type { Principal } from '../../auth/principal.ts';
import { empty, join, query, raw, sql } from '../../db/sql.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { keySql } from '../../metadata/key-sql.ts';
import { keyColumns, sortKeys } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { type Selected, selectionWhere } from '../../selection/selection.ts';
import type { TaskContext } from '../context.ts';

export interface SelectedBy {
  resource: Resource;
  principal: Principal;
  selected: Selected;
}

/** Keys of at most `limit` selected records in the order of the id, from after a key on. */
export async function readSelectedKeys(
  { db, registry }: TaskContext,
  { resource, principal, selected }: SelectedBy,
  { after, limit }: { after: string | null; limit: number },
): Promise<string[]> {
  const { model } = resource;
  const found = await registry.whereSql(model, selectionWhere(resource, principal, selected));
  const ids = model.idFields.map((name) => `found.${model.fields[name]?.column}`).join(', ');
  const place =
    after === null
      ? []
      : keyColumns(model, [after]).map(
          ({ sqlType, values: [value] }) => sql`${value}::text::${raw(sqlType)}`,
        );
  const beyond = after === null ? empty : sql`where (${raw(ids)}) > (${join(place)})`;
  const { rows } = await query<{ key: string }>(
    db.pages,
    sql`select ${raw(keySql(model, 'found'))} collate "C" as key from (${found}) found ${beyond} order by ${raw(`${ids} limit ${Number(limit)}`)}`,
  );
  return rows.map(({ key }) => key);
}

/**
 * Keys of about `limit` of `count` selected records, taken from all over; the first ones where that
 * takes too long.
 */
export async function sampleSelectedKeys(
  context: TaskContext,
  by: SelectedBy,
  { count, limit, withinMs }: { count: number; limit: number; withinMs: number },
): Promise<string[]> {
  const { resource, principal, selected } = by;
  const found = await context.registry.whereSql(
    resource.model,
    selectionWhere(resource, principal, selected),
  );
  // A little more than enough, so that chance seldom leaves too few; which are too many is chance
  // as well, or the table's end would be missing.
  const share = Math.min(1, (limit / count) * 1.2);
  try {
    const sample = async (client: Queryable) => {
      await client.query(`set local statement_timeout = ${Math.max(1, Math.round(withinMs))}`);
      const { rows } = await query<{ key: string }>(
        client,
        sql`select ${raw(keySql(resource.model, 'found'))} collate "C" as key from (${found}) found where random() < ${share}
         order by random() limit ${raw(String(Number(limit)))}`,
      );
      return sortKeys(rows.map(({ key }) => key));
    };
    return await transaction(context.db.pages, sample, { waitsForNobody: true });
  } catch (error) {
    if (sqlstateOf(error) !== sqlstate.queryCanceled) throw error;
    return sortKeys(await readSelectedKeys(context, by, { after: null, limit }));
  }
}
