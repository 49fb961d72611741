import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { getFieldKind } from '../fields/register.ts';
import type { Resource, ResourceField, Where } from '../resources/contract.ts';

/** The one predicate of list, count, preview and freeze: the filter, with the row scope already in it. */
export function buildWhere(resource: Resource, principal: Principal, filterText: string): Where {
  const conditions: Where[] = [];
  const scope = resource.scope(principal);
  if (scope) {
    assertDefined(scope, `the scope of ${resource.label}`);
    conditions.push(scope);
  }
  conditions.push(...filterConditions(resource, filterText));
  return conditions.length === 1 ? (conditions[0] as Where) : { AND: conditions };
}

/** Text operators of Prisma take `%` and `_` for wildcards, and the backslash to escape them. */
export function escapePattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

/** `undefined`, and an empty list that would mean "all", match everything in Prisma: never let one through. */
export function assertDefined(where: unknown, of: string): void {
  if (where === undefined) throw new Error(`${of} has an undefined value, which would match every record`);
  if (where === null || typeof where !== 'object' || where instanceof Date) return;
  for (const [key, value] of Object.entries(where)) {
    const means = Array.isArray(value) && value.length === 0 && (key === 'AND' || key === 'NOT' || key === 'notIn');
    if (means) throw new Error(`${of} has an empty ${key}, which would match every record`);
    assertDefined(value, of);
  }
}

/** What the filter's text asks for; anything that is not understood is an error, never "no filter". */
function filterConditions(resource: Resource, filterText: string): Where[] {
  const query = new URLSearchParams(filterText);
  const conditions: Where[] = [];
  const search = query.get('_q')?.trim();
  if (search) conditions.push(searchCondition(resource, search));
  for (const name of new Set(query.keys())) if (name !== '_q') fieldOf(resource, name);
  for (const field of resource.filters) {
    const parsed = getFieldKind(field).parseFilter?.(
      { values: query.getAll(field.name), min: query.get(`${field.name}.min`), max: query.get(`${field.name}.max`) },
      field,
    );
    if (parsed && 'error' in parsed) throw invalid(field.name, parsed.error);
    if (parsed?.value) conditions.push(parsed.value);
  }
  return conditions;
}

function fieldOf(resource: Resource, name: string): ResourceField {
  const [, base, bound] = /^(.*?)(\.min|\.max)?$/.exec(name) ?? [];
  const field = resource.filters.find((candidate) => candidate.name === base);
  if (!field) throw invalid(name, `${resource.label} cannot be filtered by "${name}".`);
  if (bound && getFieldKind(field).filter !== 'range') throw invalid(name, `${field.label} has no range.`);
  return field;
}

function searchCondition(resource: Resource, search: string): Where {
  if (search.includes('\0')) throw invalid('_q', 'The search has a character that no text can hold.');
  if (resource.search.length === 0) throw invalid('_q', `${resource.label} cannot be searched.`);
  return { OR: resource.search.map((field) => ({ [field.meta.name]: { contains: escapePattern(search), mode: 'insensitive' } })) };
}

function invalid(field: string, message: string): AppError {
  return new AppError('invalid-filter', 422, message, { field });
}

/** Names of query parameters that are the list's state and not its filter. */
export const listState = ['_sort', '_page', '_size', '_s'];

/** The one text form of a filter: without the list's state and what is empty, sorted. */
export function filterTextOf(query: Record<string, string | string[] | undefined> | URLSearchParams): string {
  const pairs: [string, string][] = [];
  const entries = query instanceof URLSearchParams ? [...query.entries()] : Object.entries(query);
  for (const [name, given] of entries) {
    if (listState.includes(name)) continue;
    for (const value of typeof given === 'string' ? [given] : (given ?? [])) if (value.trim() !== '') pairs.push([name, value]);
  }
  const order = (a: [string, string], b: [string, string]) => (a[0] === b[0] ? compare(a[1], b[1]) : compare(a[0], b[0]));
  return new URLSearchParams(pairs.sort(order)).toString();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
