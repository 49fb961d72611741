import { escapeIdentifier, escapeLiteral } from 'pg';
import { fragmentOf, type Sql } from '../../db/sql.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import { idColumnOf, joinOf } from '../../metadata/model-fields.ts';

/**
 * Where the image of a deleted record keeps what it was linked to; no column of Prisma's has such a
 * name.
 */
export const linksKey = '*links';

/** Implicit many-to-many fields, whose links go with the record. */
export function linksOf(model: ModelMeta): FieldMeta[] {
  return Object.values(model.fields).filter(
    ({ relation }) => relation?.kind === 'many-to-many' && relation.joinTable,
  );
}

/** SQL of the ids that a row is linked to by such a field, as a sorted list of texts. */
export function linkedIds(model: ModelMeta, field: FieldMeta, alias: string): string {
  const { joinTable, ownColumn, otherColumn } = joinOf(field);
  const id = idColumnOf(model);
  return `array(select j.${otherColumn}::text collate "C" from ${joinTable} j where j.${ownColumn} = ${alias}.${id} order by 1)`;
}

/** JSON stands in images as text: to the letter, and its null is not the column's. */
export function isTextInImage({ sqlType }: FieldMeta): boolean {
  return sqlType === 'json' || sqlType === 'jsonb';
}

/** SQL of a value as it stands in an image. */
export function imaged(field: FieldMeta, value: string): string {
  return aroundImaged(field).join(value);
}

export function imagedSql(field: FieldMeta, value: Sql): Sql {
  const texts = aroundImaged(field);
  return fragmentOf(
    texts,
    texts.slice(1).map(() => value),
  );
}

/** What stands before the value, between the places where it does, and after it. */
function aroundImaged(field: FieldMeta): string[] {
  if (isTextInImage(field)) return ['(', ')::text'];
  if (field.type !== 'Float') return ['', ''];
  // JSON's numbers know no -0.
  if (field.isList)
    return [
      `case when '-0' = any ((`,
      ')::text[]) then to_jsonb((',
      ')::text[]) else to_jsonb(',
      ') end',
    ];
  return [
    'case when (',
    ') = 0 and (',
    `)::text = '-0' then to_jsonb((`,
    ')::text) else to_jsonb(',
    ') end',
  ];
}

/** SQL of every column of a row by name, as images have it. */
export function wholeRow(model: ModelMeta, alias: string): string {
  const texts = Object.values(model.fields)
    .filter((field) => field.column && (isTextInImage(field) || field.type === 'Float'))
    .map(
      (field) =>
        `${escapeLiteral(field.dbColumn ?? '')}, ${imaged(field, `${alias}.${field.column}`)}`,
    );
  if (texts.length === 0) return `to_jsonb(${alias}.*)`;
  return `(to_jsonb(${alias}.*) || ${objectOf(texts)})`;
}

/** SQL of one JSON object of pairs, each a name and a value. */
export function objectOf(pairs: readonly string[]): string {
  return inParts(pairs)
    .map((part) => `jsonb_build_object(${part.join(', ')})`)
    .join(' || ');
}

/** Pairs in as many parts as it takes: a function has at most 100 arguments. */
export function inParts<T>(pairs: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(pairs.length / 50) }, (_, index) =>
    pairs.slice(index * 50, index * 50 + 50),
  );
}

/**
 * The last image of a row as SQL of each of its values by name, and whether it is a list, as
 * `lastImage` has them: of these columns of the table, and what it was linked to, or nothing. `ids`: SQL of an array of the ids of
 * all rows.
 */
export function lastValues(
  model: ModelMeta,
  alias: string,
  columns: readonly string[],
  ids: string,
): (readonly [name: string, value: string, isList: boolean])[] {
  const fields = new Map(Object.values(model.fields).map((field) => [field.dbColumn, field]));
  const values = columns.map((name) => {
    const column = `${alias}.${escapeIdentifier(name)}`;
    const field = fields.get(name);
    // Of one that the schema does not know nothing is known.
    return [name, field ? imaged(field, column) : column, field?.isList ?? true] as const;
  });
  const links = linksOf(model);
  if (links.length === 0) return values;
  // Asked once for all of them: where none is linked to anything, each would be asked in vain.
  const isAnyLinked = links
    .map(joinOf)
    .map(
      ({ joinTable, ownColumn }) =>
        `exists (select from ${joinTable} j where j.${ownColumn} = any(${ids}))`,
    );
  const linked = `case when (select ${isAnyLinked.join(' or ')}) then case when ${isLinked(model, alias)} then ${linkedObject(model, alias)} end end`;
  return [...values, [linksKey, linked, false]];
}

function isLinked(model: ModelMeta, alias: string): string {
  const id = idColumnOf(model);
  return linksOf(model)
    .map(joinOf)
    .map(
      ({ joinTable, ownColumn }) =>
        `exists (select from ${joinTable} j where j.${ownColumn} = ${alias}.${id})`,
    )
    .join(' or ');
}

function linkedObject(model: ModelMeta, alias: string): string {
  const ids = linksOf(model).map(
    (field) => `'${field.name}', to_jsonb(${linkedIds(model, field, alias)})`,
  );
  return `jsonb_build_object(${ids.join(', ')})`;
}

/**
 * SQL of the last image of a row: every column, and what it was linked to, which goes with it. Most
 * are linked to nothing.
 */
export function lastImage(model: ModelMeta, alias: string): string {
  const whole = wholeRow(model, alias);
  if (linksOf(model).length === 0) return whole;
  return `case when ${isLinked(model, alias)} then ${whole} || jsonb_build_object('${linksKey}', ${linkedObject(model, alias)}) else ${whole} end`;
}
