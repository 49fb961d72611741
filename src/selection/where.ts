import type { Principal } from '../auth/principal.ts';
import type { FilterContext } from '../fields/contract.ts';
import { readerOf } from '../fields/reader.ts';
import type { Where } from '../resources/client.ts';
import type { Resource } from '../resources/contract.ts';
import {
  type Condition,
  type Group,
  invalidFilter,
  isGroup,
  parseFilterText,
  searchPath,
} from './filter.ts';
import { type FilterField, findFilterField, findOperator } from './filter-fields.ts';
import { canSearch, searchWhere } from './search.ts';
import { taskRecordsOf, taskRecordsWhere } from './task-records.ts';

export interface FilterOptions {
  /** What "in the last 7 days" counts from. Default: now. */
  now?: Date;
  /** Where a day begins for the reader. Default: the principal's. */
  timeZone?: string;
}

/**
 * The one predicate of list, count, preview and freeze: the filter, with the row scope already in
 * it.
 */
export function buildWhere(
  resource: Resource,
  principal: Principal,
  filterText: string,
  options: FilterOptions = {},
): Where {
  const scope = resource.scope(principal);
  const filter = groupWhere(resource, principal, parseFilterText(filterText), options);
  const conditions = [scope, filter].filter((where) => where !== null);
  const where = conditions.length === 1 ? (conditions[0] as Where) : { AND: conditions };
  if (conditions.length > 0) assertDefined(where, `the predicate of ${resource.label}`);
  return where;
}

/** The records that somebody may see, and of those the ones that `own` matches. */
export function visibleWhere(resource: Resource, principal: Principal, own: Where): Where {
  assertDefined(own, `a condition on ${resource.label}`);
  const scope = resource.scope(principal);
  return scope === null ? own : { AND: [scope, own] };
}

/**
 * `undefined`, and an empty list that would mean "all", match everything in Prisma: never let one
 * through.
 */
function assertDefined(where: unknown, of: string): void {
  if (where === undefined)
    throw new Error(`${of} has an undefined value, which would match every record`);
  if (where === null || typeof where !== 'object' || where instanceof Date) return;
  for (const [key, value] of Object.entries(where)) {
    const means =
      Array.isArray(value) &&
      value.length === 0 &&
      (key === 'AND' || key === 'NOT' || key === 'notIn');
    if (means) throw new Error(`${of} has an empty ${key}, which would match every record`);
    assertDefined(value, of);
  }
}

/**
 * What a filter asks for, without the row scope; null where it asks for nothing. Anything that is
 * not understood is an error.
 */
export function groupWhere(
  resource: Resource,
  principal: Principal,
  group: Group,
  options: FilterOptions = {},
): Where | null {
  const context = filterContextOf(resource, principal, options);
  return joined(group, false);

  /** `isAmong`: only one of several alternatives. */
  function joined({ kind, items }: Group, isAmong: boolean): Where | null {
    const isOne = isAmong || (kind === 'or' && items.length > 1);
    const wheres = items
      .map((item) => (isGroup(item) ? joined(item, isOne) : conditionWhere(item, isOne)))
      .filter((where) => where !== null);
    if (wheres.length <= 1) return wheres[0] ?? null;
    return kind === 'and' ? { AND: wheres } : { OR: wheres };
  }

  function conditionWhere(condition: Condition, isOne: boolean): Where | null {
    const records = taskRecordsOf(condition);
    if (records && isOne)
      throw invalidFilter(
        condition.path,
        'The records of a task can be asked for together with other conditions, not as one of several.',
      );
    if (records && resource.model.idFields.length === 0)
      throw invalidFilter(condition.path, `${resource.label} have no id to be asked for by.`);
    if (records) return taskRecordsWhere(resource, principal, records);
    if (condition.path === searchPath) return whereSearched(resource, condition);
    const field = findFilterField(resource, principal, condition.path);
    if (!field)
      throw invalidFilter(
        condition.path,
        `${resource.label} cannot be filtered by "${nameOf(condition)}".`,
      );
    const operator = findOperator(field, condition);
    if (!operator) throw invalidFilter(condition.path, noOperator(field, condition));
    const where = operator.where(condition.values, field.field, context);
    if ('error' in where) throw invalidFilter(condition.path, where.error);
    return field.via
      ? relatedWhere(field, where.value, operator.includesEmpty, context)
      : where.value;
  }
}

function filterContextOf(
  resource: Resource,
  principal: Principal,
  { now, timeZone }: FilterOptions,
): FilterContext {
  return {
    metadata: resource.metadata,
    now: now ?? new Date(),
    timeZone: timeZone ?? readerOf(principal).timeZone,
    // What is administered nowhere, or not for this principal, is nobody's to see.
    scopeOf(model) {
      const related = resource.related(model);
      return related ? related.scope(principal) : { OR: [] };
    },
  };
}

function nameOf({ path, operator }: Condition): string {
  return operator === 'is' ? path : `${path}-${operator}`;
}

function noOperator({ label, operators }: FilterField, { operator }: Condition): string {
  const fixed = operators.filter(({ name, value }) => name === operator && value !== null);
  if (fixed.length > 0)
    return `${label} may be compared with "${fixed.map(({ value }) => value).join('" or "')}" here.`;
  return `${label} cannot be compared by "${operator}".`;
}

/**
 * A condition on a related record that the principal may see. Of a single one, its fields are as if
 * they were the record's own: without it they are empty. Of many, one of them must meet it.
 */
function relatedWhere(
  { via, field }: FilterField,
  where: Where,
  includesEmpty: boolean,
  context: FilterContext,
): Where {
  const relation = via?.relation ?? via?.meta.relation;
  if (!via || !relation) throw new Error(`${field.name} is not of a related record`);
  const scope = context.scopeOf(relation.model);
  const seen: Where = scope ? { AND: [scope, where] } : where;
  if (relation.kind !== 'to-one') return { [via.name]: { some: seen } };
  const meets = { [via.name]: { is: seen } };
  if (!includesEmpty) return meets;
  return { OR: [{ NOT: { [via.name]: { is: scope ?? {} } } }, meets] };
}

function whereSearched(resource: Resource, { operator, values }: Condition): Where | null {
  const search = values[0]?.trim() ?? '';
  if (operator !== 'is')
    throw invalidFilter(searchPath, `The search cannot be compared by "${operator}".`);
  if (search === '') return null;
  if (search.includes('\0'))
    throw invalidFilter(searchPath, 'The search has a character that no text can hold.');
  if (!canSearch(resource))
    throw invalidFilter(searchPath, `${resource.label} cannot be searched.`);
  return searchWhere(resource, search);
}
