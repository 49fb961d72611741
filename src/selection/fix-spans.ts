import type { Principal } from '../auth/principal.ts';
import { momentKind } from '../fields/moment.ts';
import { spanEnds } from '../fields/operators/moments.ts';
import type { Resource } from '../resources/contract.ts';
import { findFilterField } from './filter-fields.ts';
import { type Condition, filterToText, type Group, isGroup, parseFilterText } from './filter.ts';
import { type FilterOptions, filterContextOf } from './where.ts';

/** The filter with "in the last 7 days" as the days that these were at `now`, so that it means the same whenever it is read again. */
export function fixSpans(resource: Resource, principal: Principal, filterText: string, options: FilterOptions = {}): string {
  const context = filterContextOf(resource, principal, options);
  const fixed = ({ kind, items }: Group): Group => ({
    kind,
    items: items.map((item) => (isGroup(item) ? fixed(item) : fixCondition(item))),
  });
  return filterToText(fixed(parseFilterText(filterText)));

  function fixCondition(condition: Condition): Condition {
    const { path, operator, values } = condition;
    if (operator !== 'last' && operator !== 'next') return condition;
    const sqlType = findFilterField(resource, principal, path)?.field.meta.sqlType ?? null;
    const ends = spanEnds(operator, values[0] ?? '', sqlType, context);
    if (!ends) return condition;
    const text = (at: Date) => (momentKind(sqlType) === 'date' ? at.toISOString().slice(0, 10) : at.toISOString());
    return { path, operator: 'between', values: [text(ends.from), text(ends.to)] };
  }
}
