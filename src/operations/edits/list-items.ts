import { raw, type Sql, sql } from '../../db/sql.ts';
import type { FieldMeta } from '../../metadata/contract.ts';

/**
 * SQL: no item of the list is this one. An empty place in a list is an item like others; texts are
 * told apart letter by letter.
 */
export function isNotIn(item: string, list: Sql, { sqlType }: FieldMeta): Sql {
  const isText = /^(text|varchar|character|bpchar|(?:[^.]+\.)?citext|xml)(\(|\[|$)/.test(
    sqlType ?? '',
  );
  const same = isText ? `(w)::text collate "C" = (${item})::text collate "C"` : `w = ${item}`;
  return sql`not exists (select from unnest(${list}) w where ${raw(`${same} or (w is null and ${item} is null)`)})`;
}

/**
 * SQL that PostgreSQL refuses by 2202E for a list of lists: nothing can be put beside its lists, or
 * taken out of them.
 */
export function refusedList(current: Sql, { sqlType }: FieldMeta): Sql {
  return sql`array[${current}, array[null]::${raw(`${sqlType}`)}]`;
}
