import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * Everything a filter asks for: conditions joined by and / or, groups inside groups. The top is an
 * `and`.
 */
export interface Group {
  readonly kind: 'and' | 'or';
  readonly items: readonly (Group | Condition)[];
}

/**
 * One comparison: `population-min=1000` is `{ path: 'population', operator: 'min', values: ['1000']
 * }`.
 */
export interface Condition {
  /** A field, a field of a related record (`country.name`), or `_q` for the search. */
  readonly path: string;
  /** `is` where the URL names none. */
  readonly operator: string;
  readonly values: readonly string[];
}

export const searchPath = '_q';

/**
 * Records that a task changed (`_task=7`), or could not (`_failed=7`, `_failed=7:23514` for one
 * reason).
 */
export const taskPaths = { changed: '_task', failed: '_failed' } as const;

/** Is it no field's? */
export function isOwnPath(path: string): boolean {
  return path === searchPath || path === taskPaths.changed || path === taskPaths.failed;
}

/** A filter that is not understood: an error that names it, never "no filter". */
export function invalidFilter(
  field: string,
  message: string,
  details: Record<string, unknown> = {},
): AppError {
  return new AppError('invalid-filter', 422, message, { field, ...details });
}

export function isGroup(item: Group | Condition): item is Group {
  return 'items' in item;
}

// Operators that take several values take them from pairs of the same name:
// `status=draft&status=reviewed`.
const takesMany = new Set(['is', 'not', 'has', 'all', 'none']);
const separator = '..';
/**
 * Where one of the two has dots of its own at this place, or within. Their readers do not mind the
 * blanks.
 */
const wideSeparator = ' .. ';
const nameForm = /^((?:_\d{1,4}\.)*)([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)(?:-([A-Za-z]+))?$/;

/** Names of query parameters that are the list's state and not its filter. */
const listState = ['_sort', '_page', '_size', '_s', '_after', '_before', '_count'];

interface OpenGroup {
  kind: 'and' | 'or';
  items: (OpenGroup | { path: string; operator: string; values: string[] })[];
  groups: Map<string, OpenGroup>;
}

/**
 * Reads a filter's text; throws AppError 422 where it is more than a filter may be. Whether its
 * fields exist is not asked here.
 */
export function parseFilterText(text: string): Group {
  if (text.length > limits.filter.length)
    throw tooMuch('length', `A filter has at most ${limits.filter.length} characters.`);
  const top: OpenGroup = { kind: 'and', items: [], groups: new Map() };
  let conditions = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (listState.includes(name) || isUnset(name, value)) continue;
    if (value.length > limits.filter.valueLength) {
      throw tooMuch(
        'valueLength',
        `A value of a filter has at most ${limits.filter.valueLength} characters.`,
        name,
      );
    }
    const [, prefix = '', path = name, operator = 'is'] = nameForm.exec(name) ?? [];
    const numbers = prefix.split('.').filter(Boolean);
    if (numbers.length > limits.filter.depth)
      throw tooMuch('depth', `A filter has at most ${limits.filter.depth} levels of groups.`, name);
    const group = numbers.reduce(groupIn, top);
    const same =
      takesMany.has(operator) && !isOwnPath(path)
        ? group.items.find((item) => isCondition(item, path, operator))
        : undefined;
    if (same && 'values' in same) {
      same.values.push(value);
      if (same.values.length > limits.filter.values) {
        throw tooMuch(
          'values',
          `A condition of a filter has at most ${limits.filter.values} values.`,
          name,
        );
      }
    } else {
      conditions += 1;
      group.items.push({ path, operator, values: operator === 'between' ? ends(value) : [value] });
    }
  }
  if (conditions > limits.filter.conditions)
    throw tooMuch('conditions', `A filter has at most ${limits.filter.conditions} conditions.`);
  return closed(top);
}

// An empty control says nothing; blanks may be what a text is compared with.
function isUnset(name: string, value: string): boolean {
  return value === '' || (name === searchPath && value.trim() === '');
}

function isCondition(item: OpenGroup['items'][number], path: string, operator: string): boolean {
  return 'values' in item && item.path === path && item.operator === operator;
}

function groupIn(parent: OpenGroup, number: string): OpenGroup {
  const found = parent.groups.get(number);
  if (found) return found;
  const group: OpenGroup = {
    kind: parent.kind === 'and' ? 'or' : 'and',
    items: [],
    groups: new Map(),
  };
  parent.groups.set(number, group);
  parent.items.push(group);
  return group;
}

function closed({ kind, items }: OpenGroup): Group {
  return { kind, items: items.map((item) => ('items' in item ? closed(item) : item)) };
}

function ends(value: string): string[] {
  const between = value.includes(wideSeparator) ? wideSeparator : separator;
  const at = value.indexOf(between);
  return at === -1 ? [value] : [value.slice(0, at), value.slice(at + between.length)];
}

function joinedEnds(values: readonly string[]): string {
  const isClear = !values.some(
    (value) => value.includes(separator) || value.startsWith('.') || value.endsWith('.'),
  );
  return values.join(isClear ? separator : wideSeparator);
}

function tooMuch(limit: keyof typeof limits.filter, message: string, field = ''): AppError {
  return invalidFilter(field, message, { limit });
}

/**
 * The one text of a filter, whatever the order it was given in. Groups without conditions are left
 * out.
 */
export function filterToText(group: Group): string {
  return sortedText(pairsOf(group.kind === 'and' ? group : { kind: 'and', items: [group] }, ''));
}

function pairsOf({ kind, items }: Group, prefix: string): [string, string][] {
  const pairs: [string, string][] = [];
  const taken = new Set<string>();
  let groups = 0;
  for (const item of items) {
    if (isGroup(item)) {
      // A group of its parent's kind says nothing of its own: it is one with it only inside a group
      // of the other kind.
      const inner: Group =
        item.kind === kind ? { kind: kind === 'and' ? 'or' : 'and', items: [item] } : item;
      const found = pairsOf(inner, `${prefix}_${groups + 1}.`);
      if (found.length > 0) groups += 1;
      pairs.push(...found);
      continue;
    }
    const name = item.operator === 'is' ? item.path : `${item.path}-${item.operator}`;
    const isSecond = takesMany.has(item.operator) && taken.has(name);
    taken.add(name);
    const full = isSecond ? `${prefix}_${++groups}.${name}` : `${prefix}${name}`;
    const values = item.operator === 'between' ? [joinedEnds(item.values)] : item.values;
    for (const value of values) if (value !== '') pairs.push([full, value]);
  }
  return pairs;
}

/**
 * The one text of a query's filter: without the list's state and what is empty, sorted. Never
 * throws: it may be wrong.
 */
export function filterTextOf(
  query: Record<string, string | string[] | undefined> | URLSearchParams,
): string {
  const pairs: [string, string][] = [];
  const entries = query instanceof URLSearchParams ? [...query.entries()] : Object.entries(query);
  for (const [name, given] of entries) {
    if (listState.includes(name)) continue;
    for (const value of typeof given === 'string' ? [given] : (given ?? []))
      if (!isUnset(name, value)) pairs.push([name, value]);
  }
  return sortedText(pairs);
}

function sortedText(pairs: [string, string][]): string {
  const order = (a: [string, string], b: [string, string]) =>
    a[0] === b[0] ? compare(a[1], b[1]) : compare(placeOf(a[0]), placeOf(b[0]));
  return new URLSearchParams(pairs.sort(order)).toString();
}

/** The tenth group comes after the second. */
function placeOf(name: string): string {
  return name.replace(/^(?:_\d+\.)+/, (prefix) =>
    prefix.replace(/\d+/g, (number) => number.padStart(4, '0')),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
