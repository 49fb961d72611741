import type { Principal } from '../auth/principal.ts';
import type { Queryable } from '../db/transaction.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import { parseKey, whereKeys } from '../metadata/keys.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { Client, Register, Resource, ResourceField, Where } from '../resources/contract.ts';
import { escapePattern } from '../fields/operators/text.ts';
import { buildWhere } from './where.ts';

/** A record that a relation may lead to: what the relation holds, and its title. */
export interface RelatedOption {
  value: string;
  label: string;
}

export interface RelatedOptions {
  options: RelatedOption[];
  /** There are more that match. */
  isMore: boolean;
}

/** Records that a picker offers at once. */
export const offeredAtOnce = 20;

/** Shorter texts are looked for at the beginning of titles only: no index finds so little in the middle. */
const shortestInside = 3;

/** Where a relation leads: the resource as the principal sees it, and the field that a choice is made by. */
export interface RelationTarget {
  resource: Resource;
  /** What the foreign key holds: usually the id, else another unique field. */
  valueField: ResourceField;
}

/** Is the related model administered at all, by whomever? */
export function hasResource(register: Register, { relation }: ResourceField): boolean {
  return register.list.some(({ model }) => model.name === relation?.model);
}

/** Null where the principal may list nothing of the related model, or no resource is about it. */
export function relationTarget({ related }: Resource, field: ResourceField): RelationTarget | null {
  const resource = field.relation && related(field.relation.model);
  if (!field.relation || !resource) return null;
  const name = field.relation.kind === 'to-one' ? field.relation.toFields[0] : resource.model.idFields[0];
  const meta = resource.model.fields[name ?? ''];
  return meta ? { resource, valueField: { ...field, name: meta.name, meta, relation: null, enum: null } } : null;
}

/**
 * Records of `target` whose title, search fields or id match, those that begin with the text first. One statement, in the
 * principal's scope; without a text the first by id, so that no more is read than is shown.
 */
export async function searchRelated(
  { register, sql }: { register: Register; sql: Queryable },
  { resource: target, valueField }: RelationTarget,
  principal: Principal,
  search: string,
  limit = offeredAtOnce,
): Promise<RelatedOptions> {
  const { model, titleField } = target;
  const text = search.trim();
  if (text.includes('\0') || text.length > 200) return { options: [], isMore: false };
  const conditions: Where[] = [buildWhere(target, principal, '')];
  if (text !== '') conditions.push({ OR: searchConditions(target, text) });
  const where = conditions.length === 1 ? (conditions[0] as Where) : { AND: conditions };
  const found = await register.whereSql(model, where, [...new Set([...model.idFields, valueField.meta.name, titleField])]);
  const values = [...found.values];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const column = (name: string) => `found.${model.fields[name]?.column}`;
  const title = `${column(titleField)}::text`;
  const ids = model.idFields.map(column);
  const pattern = `${escapePattern(text)}%`;
  const order =
    text === ''
      ? ids
      : [
          `case when lower(${title}) = lower(${parameter(text)}::text) then 0 when ${title} ilike ${parameter(pattern)}::text then 1 else 2 end`,
          title,
          ...ids,
        ];
  const { rows } = await sql.query<{ value: string; title: string | null }>(
    `select ${column(valueField.name)}::text as value, ${title} as title from (${found.text}) found
     where ${column(valueField.name)} is not null order by ${order.join(', ')} limit ${parameter(limit + 1)}::int`,
    values,
  );
  const options = rows.slice(0, limit).map(({ value, title: label }) => ({ value, label: label || value }));
  return { options, isMore: rows.length > limit };
}

function searchConditions({ model, titleField, search }: Resource, text: string): Where[] {
  const operator = text.length < shortestInside ? 'startsWith' : 'contains';
  const title = model.fields[titleField];
  const names = new Set(search.map(({ meta }) => meta.name));
  if (title?.type === 'String' && title.sqlType !== 'uuid' && !title.isList) names.add(titleField);
  const conditions: Where[] = [...names].map((name) => ({ [name]: { [operator]: escapePattern(text), mode: 'insensitive' } }));
  const key = keyOrNull(model, text);
  return key === null ? conditions : [...conditions, whereKeys(model, [key])];
}

function keyOrNull(model: ModelMeta, text: string): string | null {
  try {
    return parseKey(model, text);
  } catch {
    return null;
  }
}

/** Titles of those of `values` that the principal may see. One statement, none without values. */
export async function relatedTitles(
  client: Client,
  { resource, valueField }: RelationTarget,
  principal: Principal,
  values: readonly string[],
): Promise<Map<string, string>> {
  const { model, titleField } = resource;
  const typed = values.map((value) => typedValue(valueField, value)).filter((value) => value !== null);
  if (typed.length === 0) return new Map();
  const rows = await delegateOf(client, model).findMany({
    where: { AND: [buildWhere(resource, principal, ''), { [valueField.name]: { in: typed } }] },
    select: { [valueField.name]: true, [titleField]: true },
  });
  return new Map(
    rows.map((row) => {
      const value = String(row[valueField.name]);
      return [value, String(row[titleField] ?? '') || value];
    }),
  );
}

function typedValue(field: ResourceField, text: string): unknown {
  const parsed = scalarKind(field.meta).parse(text, field);
  return 'error' in parsed ? null : parsed.value;
}
