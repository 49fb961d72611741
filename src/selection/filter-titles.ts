import type { Principal } from '../auth/principal.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { type Condition, type Group, isGroup } from './filter.ts';
import type { ListedRecord } from './listed-row.ts';
import { relatedTitles, relationTarget } from './related.ts';

/**
 * Names a related record of a filter by its natural id; undefined where it is not known, or not for
 * these eyes.
 */
export type TitleOf = (path: string, id: string) => string | undefined;

/**
 * Titles of the related records that a filter names. A statement for each relation of which not all
 * are `known`.
 */
export async function filterTitles(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  filter: Group,
  known: TitleOf = () => undefined,
): Promise<TitleOf> {
  const named = new Map<string, Set<string>>();
  for (const { path, values } of conditionsOf(filter))
    named.set(path, new Set([...(named.get(path) ?? []), ...values]));
  const titles = new Map<string, Map<string, string>>();
  for (const [path, ids] of named) {
    const field = resource.fields.find(({ name }) => name === path);
    const target = field && relationTarget(resource, field, 'id');
    const unknown = [...ids].filter((id) => known(path, id) === undefined);
    if (target && unknown.length > 0)
      titles.set(path, await relatedTitles(registry, target, principal, unknown));
  }
  return (path, id) => known(path, id) ?? titles.get(path)?.get(id);
}

/** Titles of the related records that a list shows anyway. */
export function shownTitles(resource: Resource, records: readonly ListedRecord[]): TitleOf {
  const titles = new Map<string, string>();
  for (const { field, through } of resource.columns) {
    if (!field?.relation || through) continue;
    for (const { values } of records) {
      for (const { id, title } of [values[field.name] ?? []].flat() as {
        id: string;
        title: string;
      }[])
        titles.set(`${field.name} ${id}`, title);
    }
  }
  return (path, id) => titles.get(`${path} ${id}`);
}

/** Every condition of a filter, out of its groups. */
export function conditionsOf({ items }: Group): Condition[] {
  return items.flatMap((item) => (isGroup(item) ? conditionsOf(item) : [item]));
}
