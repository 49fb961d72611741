import { escapeLiteral } from 'pg';
import { raw, type Sql, shared, sql } from '../../db/sql.ts';
import type { FieldMeta, Metadata, ModelMeta } from '../../metadata/contract.ts';
import { keySql } from '../../metadata/key-sql.ts';
import { idFieldsOf, joinOf } from '../../metadata/model-fields.ts';
import type { Resource } from '../../resources/contract.ts';
import { withKey } from '../cascade/cascade.ts';
import type { ApplyTarget } from '../contract.ts';
import { isTextInImage, linksKey, linksOf, wholeRow } from '../journal/images.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { relatedIdType } from '../journal/links.ts';
import { journal } from '../journal-kind.ts';
import { unquoted } from './image-values.ts';

/**
 * A model whose records went along with deleted ones, and come back with them. Plain JSON, for a
 * task's parameters.
 */
export interface CascadedModel {
  model: string;
  /** Some went along; else nobody is asked for the right to bring them back. */
  isThere: boolean;
  /** Slug of the resource that they are brought back by, and what one of its records is called. */
  resource: string;
  singular: string;
  /** As of `Undoing`. */
  columns: readonly string[];
}

export interface Returns {
  taskId: number;
  /** Models that are pointed at come before those that point. */
  along?: readonly CascadedModel[];
}

/** SQL of what an image says of a column, as the column's type. */
function columnIn(image: string, { dbColumn, sqlType }: FieldMeta): string {
  return `(${image} ->> ${escapeLiteral(dbColumn ?? '')})::${sqlType}`;
}

function modelOf(metadata: Metadata, { model }: CascadedModel): ModelMeta {
  const found = metadata.models[model];
  if (!found) throw new Error(`there is no model ${model}`);
  return found;
}

/**
 * Deleted records, each judged: `judged` of key, image and state. `image` has the images of `keys`.
 */
export function judgeDeleted(
  { resource, t }: Pick<ApplyTarget, 'resource' | 't'>,
  { taskId, along: cascade = [] }: Returns,
  given: Sql,
  condition: Sql,
): Sql[] {
  const { model, metadata } = resource;
  const parts = [
    sql`there as (select ${raw(`${keySql(model, 't')} collate "C" as key from ${model.table} t`)} where ${condition})`,
  ];
  const states: string[] = [];
  const ofChunks = shared(
    sql`task_id = ${taskId}::int and along_with = ${model.name}::text and kind = 'delete' and chunk in (select chunk from image)`,
  );
  if (cascade.length > 0) {
    parts.push(
      sql`purged as (select distinct chunk from ${raw(t.change)} where ${ofChunks} and before is null)`,
    );
    states.push(`when chunk in (select chunk from purged) then 'purged'`);
  }
  const exists: string[] = [];
  for (const [index, one] of cascade.entries()) {
    const dependant = modelOf(metadata, one);
    const isThere = idFieldsOf(dependant).map(
      (field) => `t.${field.column} = ${columnIn('item.image', field)}`,
    );
    parts.push(
      sql`${raw(`cascade${index}`)} as materialized (
        select item.key, item.image from ${raw(t.change)} change
        cross join lateral rows from (unnest(change.keys), jsonb_array_elements(change.before)) as item(key, image)
        where ${ofChunks} and change.model = ${one.model}::text and jsonb_exists_any(${raw(`item.image -> '${withKey}'`)}, ${given})
      )`,
      raw(`again${index} as (
        select jsonb_object_keys(item.image -> '${withKey}') as key from cascade${index} item
        where exists (select 1 from ${dependant.table} t where ${isThere.join(' and ')})
      )`),
    );
    exists.push(`when key in (select key from again${index}) then 'exists-along:${one.model}'`);
  }
  return [
    ...parts,
    raw(`judged as materialized (
      select key as "_key", before as "_before", null::jsonb as "_after", null::text as "_field",
        case when before is null then 'purged' ${states.join(' ')} when kept_along is null then 'not-kept'
          when key in (select key from there) then 'exists' ${exists.join(' ')} else 'restore' end as "_state"
      from image
    )`),
  ];
}

/**
 * Creates the judged records again and their cascade, with their links; keeps that of the latter.
 */
export function recreate(
  { resource, t, author, rewriting }: ApplyTarget,
  { columns, along: cascade = [] }: Returns & { columns: readonly string[] },
): Sql[] {
  const { model, metadata } = resource;
  const asWritten = rewriting?.insert ? `, ${wholeRow(model, 't')} as "_image"` : '';
  const parts = insertRows(metadata, model, columns, 'judged', '', asWritten).map(raw);
  for (const [index, one] of cascade.entries()) {
    const dependant = modelOf(metadata, one);
    const change = insertChange(
      { resource: { model: dependant, slug: one.resource }, t, author },
      {
        kind: journal.created,
        fields: raw(`'{}'`),
        keys: raw('array_agg("_key" order by "_key")'),
        firstKey: raw('min("_key")'),
        after: raw(`jsonb_agg("_before" - '${withKey}' order by "_key")`),
        cascadeOf: model.name,
      },
    );
    parts.push(
      raw(`back${index} as materialized (
        select key as "_key", image as "_before", 'restore' as "_state" from cascade${index}
        where ${comesBack(model, 'select key from created')}
      )`),
      ...insertRows(metadata, dependant, one.columns, `back${index}`, `_${index}`).map(raw),
      sql`${raw(`journal${index}`)} as (${change} ${raw(`from back${index}`)} having count(*) > 0)`,
    );
  }
  return parts;
}

/** Keys of records whose dependants were to come back with them, and did not. */
export function missingCascaded(cascade: readonly CascadedModel[]): string[] {
  return cascade.map(
    (
      _,
      index,
    ) => `select parent from back${index} cross join lateral jsonb_object_keys("_before" -> '${withKey}') parent
      where "_key" not in (select key from created_${index}) and parent in (select "_key" from judged where "_state" = 'restore')`,
  );
}

/**
 * Condition: the record went with a restored one, and every other record that it went with is there
 * or restored too; it needs them all. `keys` are the restored records.
 */
function comesBack(
  root: ModelMeta,
  keys = `select "_key" from judged where "_state" = 'restore'`,
): string {
  const restored = `array(${keys})`;
  const isThere = idFieldsOf(root).map(
    ({ column, sqlType }, index) => `t.${column} = (parent.ids ->> ${index})::${sqlType}`,
  );
  return `jsonb_exists_any(image -> '${withKey}', ${restored}) and not exists (
          select 1 from jsonb_each(image -> '${withKey}') parent(key, ids) where parent.key <> all(${restored})
            and not exists (select 1 from ${root.table} t where ${isThere.join(' and ')}))`;
}

/** Rows of model and count: what would come back along with the judged records. */
export function countCascaded(
  { model: root }: Pick<Resource, 'model'>,
  { along: cascade = [] }: Returns,
): string {
  return cascade
    .map(
      ({ model }, index) => `select '${model}' as model, count(*)::int as count from cascade${index}
        where ${comesBack(root)}`,
    )
    .join(' union all ');
}

/**
 * Inserts rows of `_before` that are to be restored; foreign keys are asked when the whole
 * statement is done.
 */
function insertRows(
  metadata: Metadata,
  model: ModelMeta,
  columns: readonly string[],
  from: string,
  suffix: string,
  asWritten = '',
): string[] {
  const fieldAt = (column: string) =>
    Object.values(model.fields).find(({ dbColumn }) => dbColumn === unquoted(column));
  const parts = [
    `created${suffix} as (
      insert into ${model.table} as t (${columns.join(', ')}) overriding system value
      select ${columns.map((column) => recreated(column, fieldAt(column), from)).join(', ')}
      from ${from} cross join lateral jsonb_populate_record(null::${model.table}, ${from}."_before") was where ${from}."_state" = 'restore'
      returning ${keySql(model, 't')} collate "C" as key${asWritten}
    )`,
  ];
  const [id] = idFieldsOf(model) as [FieldMeta];
  for (const [index, field] of linksOf(model).entries()) {
    const { joinTable, ownColumn, otherColumn } = joinOf(field);
    // A link between two that both come back stands in both images.
    parts.push(`linked${suffix}_${index} as (
      insert into ${joinTable} (${ownColumn}, ${otherColumn})
      select ${columnIn(`${from}."_before"`, id)}, linked::${relatedIdType(metadata, field)} from ${from}
      cross join lateral jsonb_array_elements_text(coalesce(${from}."_before" -> '${linksKey}' -> '${field.name}', '[]')) linked
      where ${from}."_key" in (select key from created${suffix}) on conflict do nothing
    )`);
  }
  return parts;
}

// Reading a whole row would take the text of JSON for a JSON string.
function recreated(column: string, field: FieldMeta | undefined, from: string): string {
  return field && isTextInImage(field) ? columnIn(`${from}."_before"`, field) : `was.${column}`;
}
