import { escapeLiteral } from 'pg';
import { empty, join, raw, type Sql, sql } from '../../db/sql.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { HeldKeys } from '../../metadata/key-sql.ts';
import { fieldOf, idColumnOf, joinOf } from '../../metadata/model-fields.ts';
import type { ApplyTarget } from '../contract.ts';
import { imagedSql, isTextInImage, linksKey, linksOf, objectOf } from '../journal/images.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { type ImageColumn, sideOfSome, type ValueAsked, valuesOf } from '../journal/kept-images.ts';
import { relatedIdType } from '../journal/links.ts';
import { differsAsStored } from '../journal/stored.ts';
import { type JournalKind, journal, undoneBy } from '../journal-kind.ts';
import type { ColumnTypes } from './column-types.ts';
import { entriesOfKeys, type Shape, type Undoing } from './entries-of-keys.ts';
import { readAsRow, typedText, unquoted } from './image-values.ts';

/**
 * Takes back a chunk of which every record is as the task left it: what was written is compared where
 * it is written, and what is kept of it are the task's own images, the other way round. Its row is as
 * `Operation.held` says; where one record is not so, all of it is left. Null: what the task did is not
 * taken back so.
 */
export function plainUndo(
  target: ApplyTarget,
  keys: HeldKeys,
  undoing: Undoing,
  shape: Shape,
  types: ColumnTypes,
): Sql | null {
  const ways: Readonly<Record<JournalKind, () => TakenBack | null>> = {
    update: () => restoring(target, shape),
    delete: () => recreating(target, undoing, types),
    create: () => null,
  };
  const taken = undoing.isOfRun ? null : ways[shape.kind]();
  return taken && statement(target, keys, undoing, shape, taken);
}

/** What a chunk takes back, for one way of writing it. */
interface TakenBack {
  values: readonly ValueAsked[];
  /** Parts that write rows of `image`; `written` has one for each that was. */
  writing: readonly Sql[];
  /** What is kept before and after. */
  before: Sql;
  after: Sql;
}

function restoring(target: ApplyTarget, shape: Shape): TakenBack | null {
  const { model } = target.resource;
  const fields = shape.fields.map((name) => fieldOf(model, name));
  if (target.rewriting?.update || fields.some(({ column, isList }) => !column || isList))
    return null;
  const values = fields.flatMap((field, index): ValueAsked[] => [
    { as: `was_${index}`, side: 'before', name: field.name, type: typedText(field) },
    { as: `now_${index}`, side: 'after', name: field.name, type: typedText(field) },
  ]);
  const set = fields.map(({ column }, index) => `${column} = image.was_${index}`).join(', ');
  const imagedAs = (side: 'was' | 'now') =>
    fields.map(
      (field, index): ImageColumn => [
        field.name,
        imagedSql(field, raw(`image.${side}_${index}`)),
        false,
      ],
    );
  const differs = fields.map((field, index) =>
    differsAsStored(field, `t.${field.column}`, raw(`image.now_${index}`)),
  );
  return {
    values,
    writing: [
      sql`written as (update ${raw(`${model.table} t set ${set}`)} from image
        where t.${raw(idColumnOf(model))} = image.id and not (${join(differs, ' or ')}) returning 1)`,
    ],
    before: keptSide('after', imagedAs('now')),
    after: keptSide('before', imagedAs('was')),
  };
}

function recreating(
  target: ApplyTarget,
  { columns, along: cascade = [] }: Undoing,
  types: ColumnTypes,
): TakenBack | null {
  const { resource } = target;
  const { model, metadata } = resource;
  if (target.rewriting?.insert || cascade.length > 0) return null;
  const fields = new Map(Object.values(model.fields).map((field) => [field.dbColumn, field]));
  const asked = columns.map((column, index) => {
    const name = unquoted(column);
    const field = fields.get(name);
    return { column, as: `was_${index}`, name, type: textType(field, types.get(name)), field };
  });
  // What is no plain value is read as the table has it.
  const others = asked.filter(({ type }) => type === null);
  if (others.length > 0 && model.hasStrictDomains) return null;
  const row = objectOf(others.map(({ name, as }) => `${escapeLiteral(name)}, image.${as}`));
  const lateral = others.length > 0 ? ` cross join lateral ${readAsRow(model, [], row)} was` : '';
  const read = asked.map(({ column, as, type }) =>
    type === null ? `was.${column}` : `image.${as}`,
  );
  const links = linksOf(model);
  const linked = links.map((field, index) => {
    const { joinTable, ownColumn, otherColumn } = joinOf(field);
    return raw(`linked${index} as (insert into ${joinTable} (${ownColumn}, ${otherColumn})
        select image.id, linked::${relatedIdType(metadata, field)} from image
        cross join lateral jsonb_array_elements_text(coalesce(image.links -> '${field.name}', '[]')) linked
        where jsonb_typeof(image.links) = 'object' on conflict do nothing)`);
  });
  const values: ValueAsked[] = asked.map(({ as, name, type }) => ({
    as,
    side: 'before',
    name,
    type,
  }));
  const kept = asked.map(
    ({ as, name, type, field }): ImageColumn =>
      field && type !== null
        ? [name, imagedSql(field, raw(`image.${as}`)), false]
        : [name, raw(`image.${as}`), true],
  );
  if (links.length > 0) values.push({ as: 'links', side: 'before', name: linksKey, type: null });
  return {
    values,
    writing: [
      raw(`written as (insert into ${model.table} as t (${columns.join(', ')}) overriding system value
        select ${read.join(', ')} from image${lateral}
        where not exists (select from ${model.table} again where again.${idColumnOf(model)} = image.id) returning 1)`),
      ...linked,
    ],
    before: raw('null'),
    after: keptSide('before', kept),
  };
}

function statement(
  target: ApplyTarget,
  keys: HeldKeys,
  undoing: Undoing,
  shape: Shape,
  { values, writing, before, after }: TakenBack,
): Sql {
  const { t } = target;
  const isKept = shape.kind === journal.deleted ? raw(' and change.kept_along is not null') : empty;
  const change = insertChange(target, {
    kind: undoneBy[shape.kind],
    fields: sql`${[...shape.fields]}::text[]`,
    keys: raw('taken.keys'),
    firstKey: raw('taken.keys[1]'),
    before,
    after,
  });
  const all = keys.count;
  return sql`with change as materialized (
      select change.id, change.keys, change.before, change.after from ${raw(t.change)} change
      where ${entriesOfKeys(target, undoing, shape, keys)} and change.before is not null${isKept}
    ), image as materialized (
      select change.id as change_id, entry.* from change ${valuesOf('change', values, { keys: keys.keys, ids: keys.ids })}
    ), ${join(writing)}, taken as (
      select change_id, array_agg(place::int order by place) as places, array_agg(key order by place) as keys from image group by change_id
    ), journal as (${change} from taken join change on change.id = taken.change_id), counted as (
      select (select count(*)::int from image) as imaged, (select count(*)::int from written) as changed
    )
    select changed, 0 as unchanged, 0 as gone, imaged <> ${all} or changed <> ${all} as is_left from counted`;
}

function keptSide(side: 'before' | 'after', columns: readonly ImageColumn[]): Sql {
  const rows = 'image where image.change_id = taken.change_id';
  return sideOfSome('change', side, 'taken.places', rows, columns);
}

/**
 * What the text of a column in an image is read as: the column's own type, which the schema's need not
 * be. Null: it is no plain text there.
 */
function textType(field: FieldMeta | undefined, type: string | undefined): string | null {
  if (!field || field.isList || !type) return null;
  const isJson = type === 'json' || type === 'jsonb';
  return isJson === isTextInImage(field) ? type : null;
}
