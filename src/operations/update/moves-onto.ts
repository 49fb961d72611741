import { escapeIdentifier } from 'pg';
import { join, query, raw, type Sql, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { fieldOf } from '../../metadata/model-fields.ts';
import type { Edit } from '../edits/contract.ts';
import { getEdit } from '../edits/edits.ts';
import { cast, familyOf, scaleOf } from '../edits/field-family.ts';
import type { FieldEdit } from '../field-edit.ts';

/** Reason of a task that would move records onto what others of them have until they move too. */
export const movesOntoCode = 'moves-onto';

/**
 * What no two records of a table may share: an index's parts as SQL over its columns, and how two
 * of them are compared.
 */
interface Exclusive {
  name: string;
  parts: string[];
  operators: string[];
  /** Of each part, as SQL says it: empty where it has none. */
  collations: string[];
  predicate: string | null;
  columns: string[];
  /** Of the whole table, with the collation of each. */
  every: string[];
  everyCollation: string[];
  /** Two empty values are the same. */
  isNullSame: boolean;
}

/** Rows of the records of `keys`, as `assertNotOnto` takes them. */
export function rowsOf(model: ModelMeta, keys: readonly string[]): Sql {
  return sql`select t.* from ${raw(model.table)} t where ${keyCondition(model, 't', keys)}`;
}

/**
 * Refuses an update that moves a record onto a unique value which another of the selected records
 * still holds and gives up by the same update (+1 on positions). Each such update would be allowed
 * or refused by accident: by the order of rows, by when the constraint is checked, by where chunks
 * are cut. Throws AppError 422, and the database's error where a value cannot be computed. `rows`
 * are whole rows of the model's table.
 */
export async function assertNotOnto(
  client: Queryable,
  model: ModelMeta,
  edits: readonly FieldEdit[],
  rows: () => Sql | Promise<Sql>,
): Promise<void> {
  const moved = movedBy(model, edits);
  if (moved.size === 0) return;
  const touched = (await readExclusives(client, model)).filter(({ columns }) =>
    columns.some((column) => moved.has(column)),
  );
  for (const exclusive of touched) {
    const { rows: found } = await query<{ count: number }>(
      client,
      meeting(model, moved, exclusive, await rows()),
    );
    const count = found[0]?.count ?? 0;
    if (count > 0) throw refused(count, exclusive);
  }
}

function refused(count: number, { name }: Exclusive): AppError {
  const records =
    count === 1
      ? 'one of these records would take what another'
      : `${count.toLocaleString('en')} of these records would take what others`;
  const message = `With this change ${records} of them still has, and “${name}” allows it once. Who may and who may not would depend on the order, so none was changed. Move them somewhere free first.`;
  return new AppError(movesOntoCode, 422, message, { constraint: name, fieldErrors: {} });
}

/** The new value of each column whose value depends on what the record holds. */
function movedBy(
  model: ModelMeta,
  edits: readonly FieldEdit[],
): Map<string, { field: FieldMeta; change: Edit; value: unknown }> {
  const moved = new Map<string, { field: FieldMeta; change: Edit; value: unknown }>();
  for (const { field: name, change: kind, value } of edits) {
    const field = model.fields[name];
    if (field?.dbColumn) moved.set(field.dbColumn, { field, change: getEdit(kind), value });
  }
  return moved;
}

async function readExclusives(client: Queryable, model: ModelMeta): Promise<Exclusive[]> {
  const { rows } = await client.query<Exclusive>(
    `select coalesce(held.conname, index.relname)::text as name,
       array(select pg_get_indexdef(indexrelid, part, true) from generate_series(1, indnkeyatts) part) as parts,
       array(select format('operator(%I.%s)', nspname, oprname) from generate_series(1, indnkeyatts) part
         join pg_opclass on pg_opclass.oid = indclass[part - 1]
         left join pg_amop on amopfamily = opcfamily and amoplefttype = opcintype and amoprighttype = opcintype and amopstrategy = 3
         join pg_operator on pg_operator.oid = coalesce(held.conexclop[part], amopopr) join pg_namespace on pg_namespace.oid = oprnamespace
         order by part) as operators,
       array(select ${collationOf('indcollation[part - 1]')} from generate_series(1, indnkeyatts) part order by part) as collations,
       pg_get_expr(indpred, indrelid) as predicate,
       array(select attname::text from pg_attribute where attrelid = indrelid and attnum > 0
         and (attnum = any(indkey::int2[]) or exists (select from pg_depend where classid = 'pg_class'::regclass and objid = indexrelid and refobjid = indrelid and refobjsubid = attnum))) as columns,
       array(select attname::text from pg_attribute where attrelid = indrelid and attnum > 0 and not attisdropped order by attnum) as every,
       array(select ${collationOf('attcollation')} from pg_attribute where attrelid = indrelid and attnum > 0 and not attisdropped order by attnum) as "everyCollation",
       coalesce(to_jsonb(pg_index) ->> 'indnullsnotdistinct' = 'true', false) as "isNullSame"
     from pg_index join pg_class index on index.oid = indexrelid left join pg_constraint held on held.conindid = indexrelid and held.contype in ('p', 'u', 'x')
     where indrelid = $1::text::regclass and (indisunique or indisexclusion) and indisvalid order by 1`,
    [model.table],
  );
  return rows;
}

/** SQL of ` collate …`, of an oid in the catalogue. */
function collationOf(oid: string): string {
  return `coalesce((select format(' collate %I.%I', nspname, collname) from pg_collation join pg_namespace on pg_namespace.oid = collnamespace where pg_collation.oid = ${oid}), '')`;
}

function asItIs(column: string): Sql {
  const name = escapeIdentifier(column);
  return raw(`t.${name} as ${name}`);
}

type Moved = ReturnType<typeof movedBy>;
type MovedField = Moved extends Map<string, infer Field> ? Field : never;

function meeting(
  model: ModelMeta,
  moved: Moved,
  { parts, operators, collations, predicate, every, everyCollation, isNullSame }: Exclusive,
  source: Sql,
): Sql {
  // Whatever made the value, it is of the column's collation once it is there.
  const next = every.map((column, index) => {
    const found = moved.get(column);
    return found
      ? sql`(${nextOf(model, found)})${raw(`${everyCollation[index]} as ${escapeIdentifier(column)}`)}`
      : asItIs(column);
  });
  const now = every.map(asItIs);
  const of = (cells: readonly Sql[], letter: string) => {
    const columns = [
      ...parts.map((part, index) => `${part} as ${letter}${index}`),
      `${predicate ?? 'true'} as ${letter}_in`,
    ];
    return sql`(select ${raw(columns.join(', '))} from (select ${join(cells)}) cells) ${raw(letter)}`;
  };
  const isOther = parts
    .map((_, index) => `n${index}::text is distinct from o${index}::text`)
    .join(' or ');
  const meets = parts.map((_, index) => {
    const [one, other] = ['taker.n', 'holder.o'].map(
      (cell) => `${cell}${index}${collations[index]}`,
    );
    return isNullSame
      ? `${one} is not distinct from ${other}`
      : `${one} ${operators[index]} ${other}`;
  });
  return sql`with moving as materialized (
      select ${raw(keySql(model, 't'))} collate "C" as key, o.*, n.* from (${source}) t cross join lateral ${of(now, 'o')} cross join lateral ${of(next, 'n')}
      where ${raw(isOther)} or o_in is distinct from n_in
    )
    select count(distinct taker.key)::int as count from moving taker join moving holder
      on ${raw(meets.join(' and '))} and taker.n_in and holder.o_in and taker.key <> holder.key`;
}

/**
 * The new value as it will be written. Where the column may have no room for it, it is computed
 * without a limit: such a record is refused alone and is in nobody's way.
 */
function nextOf(model: ModelMeta, { field, change, value }: MovedField): Sql {
  const family = familyOf(field);
  const isWide =
    change.canOverflow && change.name !== 'copy' && (family === 'integer' || family === 'decimal');
  const next = change.sql(value, {
    field: isWide ? { ...field, sqlType: 'numeric' } : field,
    current: raw(`t.${field.column}`),
    columnOf: (name) => raw(`t.${fieldOf(model, name).column}`),
    metaOf: (name) => fieldOf(model, name),
  });
  const scale = family === 'integer' ? 0 : scaleOf(field);
  if (!isWide) return cast(next, field);
  return scale === null ? next : sql`round(${next}, ${raw(String(scale))})`;
}
