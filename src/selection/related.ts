import type { Principal } from '../auth/principal.ts';
import { join, query, raw, type Sql, sql } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';
import { folded, foldedSql, hasMoreThanAscii } from '../fields/folded.ts';
import { escapePattern } from '../fields/operators/text.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import { limits } from '../limits.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { keyPartOf } from '../metadata/key-part.ts';
import { keyToUrl, whereKeys } from '../metadata/keys.ts';
import { idFieldsOf } from '../metadata/model-fields.ts';
import type { Client, Where } from '../resources/client.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { cutSql, titleText } from './cut.ts';
import { keyOrNull, searchWhere } from './search.ts';
import { readTitled } from './titled.ts';
import { buildWhere } from './where.ts';

/** A record that a relation may lead to: what a control holds for it, and its title. */
export interface RelatedOption {
  value: string;
  label: string;
  /** Tells records of one title apart: what their first relation leads to, and their id. */
  detail: string;
}

export interface RelatedOptions {
  options: RelatedOption[];
  /** There are more that match. */
  isMore: boolean;
}

/**
 * Where a relation leads: the resource as the principal sees it, and what its records are chosen
 * by.
 */
export interface RelationTarget {
  resource: Resource;
  /** The unique field that the foreign key holds; null: records are chosen by their natural id. */
  valueField: ResourceField | null;
}

/** Is the related model administered at all, by whomever? */
export function hasResource(registry: ResourceRegistry, { relation }: ResourceField): boolean {
  return registry.list.some(({ model }) => model.name === relation?.model);
}

/** Null where the principal may list nothing of the related model, or no resource is about it. */
export function relationTarget(
  resource: Resource,
  field: ResourceField,
  holds: 'value' | 'id' = 'value',
): RelationTarget | null {
  // What is only shown, as records that lead here, is chosen by filters.
  const relation = field.relation ?? (holds === 'id' ? field.meta.relation : null);
  const related = relation && resource.related(relation.model);
  if (!related || related.model.idFields.length === 0) return null;
  if (field.relation?.kind !== 'to-one' || holds === 'id')
    return { resource: related, valueField: null };
  const meta = related.model.fields[field.relation.toFields[0] ?? ''];
  return meta
    ? {
        resource: related,
        valueField: { ...field, name: meta.name, meta, relation: null, enum: null },
      }
    : null;
}

/**
 * Records of `target` that a search for the text finds, in titles as well, those that begin with it
 * first. One statement, in the principal's scope; without a text the first by id, so that no more
 * is read than is shown.
 */
export async function searchRelated(
  { registry, sql: client }: { registry: ResourceRegistry; sql: Queryable },
  { resource: target, valueField }: RelationTarget,
  principal: Principal,
  search: string,
  {
    limit = limits.shown.offered,
    only = null,
  }: { limit?: number /** This record alone, by its key. */; only?: string | null } = {},
): Promise<RelatedOptions> {
  const { model, titleField } = target;
  const text = search.trim();
  if (text.includes('\0') || text.length > limits.list.pickerLength)
    return { options: [], isMore: false };
  const conditions: Where[] = [buildWhere(target, principal, '')];
  if (only !== null) conditions.push(whereKeys(model, [only]));
  if (text !== '') conditions.push(searchWhere(target, text, { isPicker: true }));
  const where = conditions.length === 1 ? (conditions[0] as Where) : { AND: conditions };
  const aside = firstRelation(target, principal);
  const read = [
    ...model.idFields,
    valueField?.meta.name ?? titleField,
    aside?.field.meta.name ?? titleField,
    titleField,
  ];
  const found = await registry.whereSql(model, where, [...new Set(read)]);
  const column = (name: string) => `found.${model.fields[name]?.column}`;
  const title = `${column(titleField)}::text`;
  const ids = model.idFields.map(column);
  const order = [...(text === '' ? [] : [rankSql(title, text), raw(title)]), ...ids.map(raw)];
  const held = valueField
    ? [`${column(valueField.meta.name)}::text`]
    : idFieldsOf(model).map((field) => keyPartOf(field)?.sql(column(field.name)));
  const natural = idFieldsOf(model).map((field) => keyPartOf(field)?.sql(column(field.name)));
  const columns = [
    `array[${held.join(', ')}]::text[] as held`,
    `array[${natural.join(', ')}]::text[] as id`,
    `${cutSql(title, limits.shown.titleLength)} as title`,
    `${aside ? cutSql(aside.title, limits.shown.titleLength) : 'null'} as aside`,
  ];
  const { rows } = await query<{
    held: string[];
    id: string[];
    title: string | null;
    aside: string | null;
  }>(
    client,
    sql`select ${raw(columns.join(', '))}
     from (${found}) found ${raw(aside?.join(column(aside.field.meta.name)) ?? '')}
     where ${raw(`${held[0]}`)} is not null order by ${join(order)} limit ${limit + 1}::int`,
  );
  const options = rows
    .slice(0, limit)
    .map(({ held: parts, id: ids, title: name, aside: other }) => {
      const id = keyToUrl(model, ids.length === 1 ? (ids[0] as string) : JSON.stringify(ids));
      const label = titleText(name).trim() || id;
      return {
        value: valueField ? (parts[0] as string) : id,
        label,
        detail: [other && titleText(other), label === id ? null : id].filter(Boolean).join(', '),
      };
    });
  return { options, isMore: rows.length > limit };
}

/**
 * Titles that are the text come first, then those that are it but for accents, then those that
 * begin with it.
 */
function rankSql(title: string, text: string): Sql {
  const plain = folded(text);
  // A collation that ignores case or accents knows neither patterns nor regular expressions.
  const lettered = `(${title} collate pg_catalog."default")`;
  const beginning = sql`${raw(lettered)} ilike ${`${escapePattern(text)}%`}::text`;
  const isFolded = (compared: Sql) =>
    sql`${raw(`${hasMoreThanAscii(title)} and ${foldedSql(lettered)}`)} ${compared}`;
  return sql`case when lower(${raw(title)}) = lower(${text}::text) then 0 when ${isFolded(sql`= ${plain}::text`)} then 1
    when ${beginning} or (${isFolded(sql`like ${`${escapePattern(plain)}%`}::text`)}) then 2 else 3 end`;
}

/** The first to-one column of the related resource, where all that it leads to may be seen. */
function firstRelation({ columns, related }: Resource, principal: Principal) {
  for (const { field, through } of columns) {
    const target =
      field?.relation?.kind === 'to-one' && !through ? related(field.relation.model) : null;
    const [to] = field?.relation?.toFields ?? [];
    if (!field || !target || target.scope(principal) !== null) continue;
    const { fields, table } = target.model;
    return {
      field,
      title: `aside.${fields[target.titleField]?.column}::text`,
      join: (from: string) =>
        `left join ${table} aside on aside.${fields[to ?? '']?.column} = ${from}`,
    };
  }
  return null;
}

/** A related record by name. */
export interface RelatedRecord {
  /** Natural id. */
  id: string;
  title: string;
}

/**
 * Those of the records behind `values` that the principal may see, by value. One statement, none
 * without values.
 */
export async function findRelated(
  registry: ResourceRegistry,
  { resource, valueField }: RelationTarget,
  principal: Principal,
  values: readonly string[],
  client: Client = registry.client,
): Promise<Map<string, RelatedRecord>> {
  const { model } = resource;
  const condition = valueField
    ? whereValues(valueField, values)
    : whereKeys(model, keysOf(model, values));
  if (values.length === 0) return new Map();
  const where: Where = { AND: [buildWhere(resource, principal, ''), condition] };
  const titled = await readTitled(
    registry,
    { resource, where, held: valueField?.meta ?? null },
    client,
  );
  return new Map(
    titled.map(({ key, title, held }) => {
      const id = keyToUrl(model, key);
      return [valueField ? heldText(valueField, held) : id, { id, title: title.trim() || id }];
    }),
  );
}

// A text of fixed length comes back filled up with blanks that mean nothing.
function heldText(field: ResourceField, value: unknown): string {
  return typeof value === 'string'
    ? String(scalarKind(field.meta).toForm(value, field))
    : String(value);
}

/** Their titles alone. */
export async function relatedTitles(
  registry: ResourceRegistry,
  target: RelationTarget,
  principal: Principal,
  values: readonly string[],
  client: Client = registry.client,
): Promise<Map<string, string>> {
  const found = await findRelated(registry, target, principal, values, client);
  return new Map([...found].map(([value, { title }]) => [value, title]));
}

function keysOf(model: ModelMeta, ids: readonly string[]): string[] {
  return ids.map((id) => keyOrNull(model, id)).filter((key) => key !== null);
}

function whereValues(field: ResourceField, values: readonly string[]): Where {
  const typed = values
    .map((text) => scalarKind(field.meta).parse(text, field))
    .flatMap((parsed) => ('error' in parsed ? [] : [parsed.value]));
  return typed.length === 0 ? { OR: [] } : { [field.name]: { in: typed } };
}
