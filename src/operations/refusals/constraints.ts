import type { Queryable } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';

/** What a table does not allow, by the name that the database says of it. */
export type Constraints = ReadonlyMap<string, Constraint>;

export interface Constraint {
  name: string;
  /** Of the table, unquoted. */
  columns: readonly string[];
  /** A foreign key to the table itself. */
  isOfItself: boolean;
  /** SQL that holds, or is null, for each row of the table; null: it is no check of the table's own. */
  check: string | null;
}

/**
 * Constraints and unique indexes of the table itself and of its parts; not the foreign keys that
 * lead to it.
 */
export async function readConstraints(
  client: Queryable,
  { table }: ModelMeta,
): Promise<Constraints> {
  const { rows } = await client.query<Constraint>(
    `with recursive part (id) as (
       select $1::text::regclass::oid union select inhrelid from part join pg_inherits on inhparent = id
     ), candidates as (
       select conname as name, conrelid as of, conkey::int2[] as numbers, contype = 'f' and confrelid in (select id from part) as "isOfItself",
         case when contype = 'c' and conrelid = $1::text::regclass and coalesce((to_jsonb(pg_constraint) ->> 'conenforced')::boolean, true) then pg_get_expr(conbin, conrelid) end as "check"
       from pg_constraint where conrelid in (select id from part)
       union all
       select relname, indrelid, indkey::int2[], false, null from pg_index join pg_class on pg_class.oid = indexrelid
       where indrelid in (select id from part) and indisunique and not exists (select from pg_constraint where conindid = indexrelid)
     )
     select name::text, "isOfItself", "check", array(select attname::text from pg_attribute where attrelid = "of" and attnum = any(numbers) order by array_position(numbers, attnum)) as columns
     from candidates`,
    [table],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

const known = new WeakMap<object, Promise<Constraints>>();

/** The same, asked once on behalf of `asker`. */
export function knownConstraints(
  client: Queryable,
  model: ModelMeta,
  asker: object,
): Promise<Constraints> {
  const found = known.get(asker) ?? readConstraints(client, model);
  known.set(asker, found);
  return found;
}

/** Fields that hold the columns, a relation for its foreign key; each once. */
export function fieldsOfColumns(
  { fields, secrets }: Pick<Resource, 'fields' | 'secrets'>,
  columns: readonly string[],
): ResourceField[] {
  return [...fields, ...secrets].filter(
    ({ meta }) => meta.dbColumn !== null && columns.includes(meta.dbColumn),
  );
}
