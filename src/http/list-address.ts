import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import type { Resource } from '../resources/contract.ts';
import { filterTextOf } from '../selection/filter.ts';
import { pageSizes, parsePaging } from '../selection/paging.ts';

/** What of a list is in its URL. */
export interface ListState {
  /** The filter's one text form. */
  filter: string;
  sort: string;
  /** Null: none is named. Beside a cursor it is only what the page is called. */
  page: number | null;
  size: number;
  /** Cursors, at most one of them. */
  after: string | null;
  before: string | null;
  /** Asked for once: not carried on. */
  isCounted: boolean;
  selectionId: string | null;
}

export type Query = Record<string, string | string[] | undefined>;

const one = (given: string | string[] | undefined) => (Array.isArray(given) ? given.at(-1) : given);

/** Throws AppError 422 for a page or size that cannot be. */
export function parseListState(resource: Resource, query: Query): ListState {
  const paging = parsePaging({ _page: one(query._page), _size: one(query._size) });
  const cursors = { after: one(query._after) ?? null, before: one(query._before) ?? null };
  return {
    ...looseListState(resource, query),
    ...paging,
    ...cursors,
    isCounted: one(query._count) === 'exact',
  };
}

/** The same for a page that only says what is wrong with its URL. */
export function looseListState(resource: Resource, query: Query): ListState {
  return {
    filter: filterTextOf(withTyped(query)),
    sort: one(query._sort) || resource.defaultSort,
    ...start,
    size: pageSizes[0],
    isCounted: false,
    selectionId: one(query._s) || null,
  };
}

// Without JavaScript a picker's ids are typed beside those that are chosen.
function withTyped(query: Query): Query {
  const joined: Query = Object.create(null);
  for (const [name, value] of Object.entries(query)) {
    const field = name.startsWith('_add.') ? name.slice('_add.'.length) : name;
    joined[field] = [joined[field] ?? [], value ?? []].flat();
  }
  return joined;
}

/** The beginning of a list. */
export const start = { page: null, after: null, before: null } as const;

/** A list's query from the text that a form carries. */
export function queryOf(text: string): Query {
  if (text.length > limits.server.addressLength)
    throw new AppError('too-much', 422, limitTexts.address);
  const query: Query = Object.create(null);
  for (const [name, value] of new URLSearchParams(text))
    query[name] = [...[query[name] ?? []].flat(), value];
  return query;
}

/** The path of a list with its state; what is as it is anyway is left out. */
export function listPath(
  resource: Resource,
  state: ListState,
  changes: Partial<ListState> = {},
): string {
  const { filter, sort, page, size, after, before, isCounted, selectionId } = {
    ...state,
    isCounted: false,
    ...changes,
  };
  const query = new URLSearchParams(filter);
  if (sort !== resource.defaultSort) query.set('_sort', sort);
  if (size !== pageSizes[0]) query.set('_size', String(size));
  if (after !== null) query.set('_after', after);
  if (before !== null) query.set('_before', before);
  if (page !== null && (page !== 1 || after !== null || before !== null))
    query.set('_page', String(page));
  if (isCounted) query.set('_count', 'exact');
  if (selectionId) query.set('_s', selectionId);
  const text = query.toString().replace(/%(?:2C|7E|21|3A|40)/g, decodeURIComponent);
  return `/${resource.slug}${text === '' ? '' : `?${text}`}`;
}

/** What a record's link carries so that its page leads back to the list as it was. */
export function backText(resource: Resource, state: ListState): string {
  const query = listPath(resource, state).split('?')[1] ?? '';
  return query === '' ? '' : `?_back=${encodeURIComponent(query)}`;
}

/** The list's path that a record's page leads back to; whatever was given, it is this list. */
export function backPath(resource: Resource, back: string): string {
  const query = new URLSearchParams(back).toString();
  return `/${resource.slug}${query === '' ? '' : `?${query}`}`;
}
