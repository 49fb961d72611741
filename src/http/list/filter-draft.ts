import { limits } from '../../limits.ts';
import { type Condition, type Group, isGroup, isOwnPath } from '../../selection/filter.ts';
import type { Query } from '../list-address.ts';

/**
 * A filter while it is being made: conditions may still be without a field or a value, groups
 * without conditions.
 */
export interface DraftGroup {
  kind: 'and' | 'or';
  items: (DraftGroup | DraftCondition)[];
}

export interface DraftCondition {
  /** Empty: not chosen yet. */
  path: string;
  /**
   * The operator's name, with its value where that is fixed: `empty=yes`. Empty: the field's first.
   */
  operator: string;
  values: string[];
  isNew: boolean;
}

/**
 * Most levels of groups that the page offers to make; deeper ones from elsewhere are shown and
 * kept.
 */
export const maxLevels = 2;

const blank = (): DraftCondition => ({ path: '', operator: '', values: [], isNew: true });

export function isDraftGroup(item: DraftGroup | DraftCondition): item is DraftGroup {
  return 'items' in item;
}

/** A filter as a draft; the search, and whose task's records, are not part of it. */
export function draftOf(
  group: Group,
  fixedOf: (condition: Condition) => string | null,
): DraftGroup {
  const items = group.items.filter((item) => isGroup(item) || !isOwnPath(item.path));
  return {
    kind: group.kind,
    items: items.map((item) => {
      if (isGroup(item)) return draftOf(item, fixedOf);
      const fixed = fixedOf(item);
      const operator = fixed === null ? item.operator : `${item.operator}=${fixed}`;
      return { path: item.path, operator, values: [...item.values], isNew: false };
    }),
  };
}

/** The filter that a draft says. Conditions without a field and empty groups say nothing. */
export function groupOf({ kind, items }: DraftGroup): Group {
  const said = items.flatMap((item): (Group | Condition)[] => {
    if (isDraftGroup(item)) return [groupOf(item)];
    return item.path === '' ? [] : [conditionOf(item)];
  });
  return { kind, items: said.filter((item) => !isGroup(item) || item.items.length > 0) };
}

function conditionOf({ path, operator, values }: DraftCondition): Condition {
  const [name = '', fixed] = operator.split('=');
  return {
    path,
    operator: name,
    values: fixed === undefined ? values.filter((value) => value !== '') : [fixed],
  };
}

const all = (given: string | string[] | undefined) => [given ?? []].flat();
const last = (given: string | string[] | undefined) => all(given).at(-1) ?? '';

const placeName = /^([pg])\.(\d{1,3}(?:-\d{1,3}){0,5})$/;

/**
 * Reads the page's own fields: `p.1-2` is the path of the second item in the first group, `o.` its
 * operator, `v.` its values, `t.` times of those that are days.
 */
export function draftFrom(query: Query): DraftGroup {
  const top: DraftGroup = { kind: 'and', items: [] };
  const groups = new Map<string, DraftGroup>([['', top]]);
  const places = Object.keys(query)
    .map((name) => placeName.exec(name))
    .filter((match) => match !== null)
    .map(([, kind = '', place = '']) => ({ kind, place }))
    .sort((a, b) => compare(a.place, b.place))
    .slice(0, limits.filter.conditions * 2);
  for (const { kind, place } of places) {
    const parent = groups.get(place.split('-').slice(0, -1).join('-'));
    if (!parent) continue;
    if (kind === 'p') parent.items.push(conditionFrom(query, place));
    else {
      const group: DraftGroup = { kind: parent.kind === 'and' ? 'or' : 'and', items: [] };
      groups.set(place, group);
      parent.items.push(group);
    }
  }
  return top;
}

function compare(a: string, b: string): number {
  const [left, right] = [a.split('-').map(Number), b.split('-').map(Number)];
  const at = left.findIndex((number, index) => number !== right[index]);
  return at === -1 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}

const asSent = (value: string) => value.replace(/\r\n?|\n/g, '\r\n');

/** Does a browser send another text in its place? It makes all line ends alike. */
export function isAltered(value: string): boolean {
  return /[\r\n]/.test(value);
}

/** Restores the texts that were shown where the browser sent them back with other line ends. */
function asShown(values: readonly string[], kept: readonly string[]): string[] {
  const known = new Map(kept.map((value) => [asSent(value), value]));
  return values.map((value) => known.get(asSent(value)) ?? value);
}

function keptFrom(given: string): string[] {
  try {
    const kept: unknown = JSON.parse(given || '[]');
    return Array.isArray(kept) ? kept.filter((value) => typeof value === 'string') : [];
  } catch {
    return [];
  }
}

function conditionFrom(query: Query, place: string): DraftCondition {
  const path = last(query[`p.${place}`]);
  // Another field has other operators and other values.
  if (path !== last(query[`w.${place}`])) return { ...blank(), path };
  const times = all(query[`t.${place}`]);
  const typed = all(query[`v.${place}`]).map((value, index) =>
    times[index] ? `${value.trim()}T${times[index]}` : value,
  );
  const kept = keptFrom(last(query[`k.${place}`]));
  const values = asShown([...typed, ...all(query[`_add.v.${place}`])], kept);
  const unit = last(query[`u.${place}`]);
  const span = unit && values[0] ? `${values[0].trim()}${unit}` : null;
  const operator = last(query[`o.${place}`]);
  return {
    path,
    operator,
    values: span === null ? values : [kept.find((value) => value.trim() === span) ?? span],
    isNew: false,
  };
}

/**
 * Does what a button says: `add:1`, `group:`, `remove:1-2`. Any other leaves the draft as it is.
 */
export function changeDraft(draft: DraftGroup, command: string): void {
  const [action, place = ''] = command.split(':');
  const path = place === '' ? [] : place.split('-').map(Number);
  if (action === 'add') groupAt(draft, path)?.items.push(blank());
  if (action === 'group') {
    const parent = groupAt(draft, path);
    parent?.items.push({ kind: parent.kind === 'and' ? 'or' : 'and', items: [blank()] });
  }
  if (action === 'remove')
    groupAt(draft, path.slice(0, -1))?.items.splice((path.at(-1) ?? 0) - 1, 1);
}

function groupAt(draft: DraftGroup, path: readonly number[]): DraftGroup | null {
  let group = draft;
  for (const number of path) {
    const item = group.items[number - 1];
    if (!item || !isDraftGroup(item)) return null;
    group = item;
  }
  return group;
}
