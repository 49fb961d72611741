import { raw, type Sql, sql } from '../../db/sql.ts';
import type { FieldMeta, Metadata, ModelMeta } from '../../metadata/contract.ts';
import { keyPartOf } from '../../metadata/key-part.ts';
import { idFieldsOf, joinOf } from '../../metadata/model-fields.ts';

/**
 * SQL of what rows are linked to by such a field: rows of `id` and `ids`, sorted texts, of those of
 * `among` that are linked to anything. One scan for all of them, where `linkedIds` asks each.
 */
export function linkedSets(field: FieldMeta, among: (column: string) => Sql): Sql {
  const { joinTable, ownColumn, otherColumn } = joinOf(field);
  const id = `j.${otherColumn}::text collate "C"`;
  return sql`(select ${raw(`j.${ownColumn} as id, array_agg(${id} order by ${id}) as ids from ${joinTable} j`)}
    where ${among(`j.${ownColumn}`)} group by 1)`;
}

/** Rows of which the links are to be written, as SQL: where they are, and columns of theirs. */
export interface LinkedRows {
  from: string;
  id: string;
  /** Lists of texts. */
  before: string;
  after: string;
}

/**
 * Parts of a statement that write what differs between the links of rows before and after. Each names
 * its links by their whole key, so that the index serves.
 */
export function writeLinks(
  metadata: Metadata,
  field: FieldMeta,
  index: number,
  { from, id, before, after }: LinkedRows,
): string[] {
  const { joinTable, ownColumn, otherColumn } = joinOf(field);
  const type = relatedIdType(metadata, field);
  const differing = (these: string, those: string) =>
    `select ${id} as own, v::${type} as other from ${from} cross join unnest(${these}) v where v <> all(${those})`;
  return [
    `gone${index} as materialized (${differing(before, after)})`,
    `dropped${index} as (delete from ${joinTable} j using gone${index} gone
        where j.${ownColumn} = any(array(select own from gone${index})) and j.${ownColumn} = gone.own and j.${otherColumn} = gone.other)`,
    `added${index} as (insert into ${joinTable} (${ownColumn}, ${otherColumn}) ${differing(after, before)} on conflict do nothing)`,
  ];
}

/** Type of the ids that such a field leads to, without lengths: a cast to one would make another id of it. */
export function relatedIdType(metadata: Metadata, field: FieldMeta): string {
  const related: ModelMeta | undefined = metadata.models[joinOf(field).model];
  const id = related && idFieldsOf(related)[0];
  return (id && keyPartOf(id)?.cast) ?? 'text';
}
