import type { Principal } from '../auth/principal.ts';
import { AppError, notFound } from '../errors.ts';
import { getFieldKind } from '../fields/register.ts';
import { keyOf, whereKeys } from '../metadata/keys.ts';
import type { Register, Resource, ResourceField, Where } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { buildWhere } from './where.ts';

export const pageSizes = [25, 50, 100] as const;

export interface ListQuery {
  filter: string;
  /** `population` or `-population`; of a column. */
  sort: string;
  page: number;
  size: number;
}

/** A record as pages show it: values by name of field or column, related records as `{ id, title }`. */
export interface ListedRecord {
  key: string;
  title: string;
  values: Record<string, unknown>;
  /** Where values of computed columns lead to. */
  links: Record<string, string | null>;
}

export interface ListPage {
  records: ListedRecord[];
  total: number;
}

/** One page of a resource. The number of statements does not depend on the size. */
export async function listRecords(register: Register, resource: Resource, principal: Principal, query: ListQuery): Promise<ListPage> {
  const where = buildWhere(resource, principal, query.filter);
  const delegate = delegateOf(register.client, resource.model);
  const [rows, total] = await Promise.all([
    delegate.findMany({
      where,
      select: columnSelect(register, resource),
      orderBy: orderBy(resource, query.sort),
      skip: (query.page - 1) * query.size,
      take: query.size,
    }),
    delegate.count({ where }),
  ]);
  return { records: rows.map((row) => listedRow(register, resource, row)), total };
}

/** One record of the scope with the fields asked for; outside it, or gone, is 404. */
export async function findRecord(
  register: Register,
  resource: Resource,
  principal: Principal,
  key: string,
  fields: readonly ResourceField[],
): Promise<ListedRecord> {
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(resource.model, [key])] };
  const row = await delegateOf(register.client, resource.model).findFirst({ where, select: selectOf(register, resource, fields) });
  // What the database holds equal to the key (in citext, for one) may be another text, and has another address.
  if (!row || keyOf(resource.model, row) !== key) throw notFound();
  return listed(register, resource, fields, row);
}

/** Titles of records by key, for naming them; at most as many as are asked for, in the scope. */
export async function titlesOf(
  register: Register,
  resource: Resource,
  principal: Principal,
  keys: readonly string[],
): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(resource.model, keys)] };
  const rows = await delegateOf(register.client, resource.model).findMany({ where, select: selectOf(register, resource, []) });
  return new Map(rows.map((row) => [keyOf(resource.model, row), String(row[resource.titleField] ?? '')]));
}

function selectOf(register: Register, resource: Resource, fields: readonly ResourceField[]): Record<string, unknown> {
  const select: Record<string, unknown> = { [resource.titleField]: true };
  for (const id of resource.model.idFields) select[id] = true;
  for (const { name, meta, relation } of fields) {
    if (!relation) select[name] = true;
    else {
      if (relation.kind === 'to-one') select[meta.name] = true;
      const related = resource.metadata.models[relation.model];
      const title = register.titleFieldOf(relation.model);
      select[name] = { select: Object.fromEntries([...(related?.idFields ?? []), title].map((id) => [id, true])) };
    }
  }
  return select;
}

function listed(register: Register, resource: Resource, fields: readonly ResourceField[], row: Record<string, unknown>): ListedRecord {
  const values: Record<string, unknown> = {};
  for (const { name, meta, relation } of fields) {
    values[name] = relation ? related(register, relation.model, resource, row[name]) : row[name];
    if (relation?.kind === 'to-one') values[meta.name] = row[meta.name];
  }
  return { key: keyOf(resource.model, row), title: String(row[resource.titleField] ?? ''), values, links: {} };
}

const ownFields = (resource: Resource) => resource.columns.flatMap(({ field, through }) => (field && !through ? [field] : []));

/** What the columns need, in one select: fields, fields of related records, and what computed columns read. */
function columnSelect(register: Register, resource: Resource): Record<string, unknown> {
  const paths = resource.columns.flatMap(({ field, through }) => (field && through ? [{ field, through }] : []));
  const select = selectOf(register, resource, [...ownFields(resource), ...paths.map(({ through }) => through)]);
  for (const { field, through } of paths) (select[through.name] as { select: Record<string, true> }).select[field.meta.name] = true;
  for (const { computed } of resource.columns) for (const name of computed?.needs ?? []) select[name] = true;
  return select;
}

function listedRow(register: Register, resource: Resource, row: Record<string, unknown>): ListedRecord {
  const record = listed(register, resource, ownFields(resource), row);
  for (const { name, field, through, computed } of resource.columns) {
    if (computed) {
      const own = Object.fromEntries(computed.needs.map((needed) => [needed, row[needed]]));
      record.values[name] = computed.value(own);
      record.links[name] = computed.link(own);
    }
    if (field && through) record.values[name] = (row[through.name] as Record<string, unknown> | null)?.[field.meta.name] ?? null;
  }
  return record;
}

function related(register: Register, model: string, resource: Resource, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((item) => related(register, model, resource, item));
  const record = value as Record<string, unknown>;
  const ids = resource.metadata.models[model]?.idFields ?? [];
  const id = ids.length === 1 ? String(record[ids[0] as string]) : JSON.stringify(ids.map((name) => record[name]));
  return { id, title: String(record[register.titleFieldOf(model)] ?? id) };
}

// The id last, so that the order is total and pages do not share records.
function orderBy(resource: Resource, sort: string): Where[] {
  const descending = sort.startsWith('-');
  const name = descending ? sort.slice(1) : sort;
  const direction = descending ? 'desc' : 'asc';
  const ids = resource.model.idFields.map((id) => ({ [id]: 'asc' }));
  if (resource.model.idFields.includes(name)) return resource.model.idFields.map((id) => ({ [id]: direction }));
  const fields = sort === resource.defaultSort ? resource.fields : ownFields(resource);
  const field = fields.find((candidate) => candidate.name === name);
  if (!field || !getFieldKind(field).isSortable) {
    throw new AppError('invalid-sort', 422, `${resource.label} cannot be sorted by "${name}".`, { field: '_sort' });
  }
  const order = field.meta.isRequired ? direction : { sort: direction, nulls: 'last' };
  return [{ [field.meta.name]: order }, ...ids];
}

/** Reads size and page out of a URL; what they cannot be is an error. */
export function parsePaging(query: { _page?: string; _size?: string }): { page: number; size: number } {
  const size = Number(query._size ?? pageSizes[0]);
  if (!(pageSizes as readonly number[]).includes(size)) {
    throw new AppError('invalid-size', 422, `A page has ${pageSizes.join(', ')} records.`, { field: '_size' });
  }
  const page = Number(query._page ?? 1);
  if (!Number.isInteger(page) || page < 1 || page > 10_000_000) {
    throw new AppError('invalid-page', 422, 'Pages are numbered from 1.', { field: '_page' });
  }
  return { page, size };
}
