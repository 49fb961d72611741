import type { Resource } from '../../resources/contract.ts';
import { parsePaging } from '../../selection/list.ts';
import { filterTextOf } from '../../selection/filter.ts';

/** What of a list is in its URL. */
export interface ListState {
  /** The filter's one text form. */
  filter: string;
  sort: string;
  page: number;
  size: number;
  selectionId: string | null;
}

export type Query = Record<string, string | string[] | undefined>;

const one = (given: string | string[] | undefined) => (Array.isArray(given) ? given.at(-1) : given);

/** Throws AppError 422 for a page or size that cannot be. */
export function parseListState(resource: Resource, query: Query): ListState {
  const given = { _page: one(query._page), _size: one(query._size) };
  const paging = parsePaging({ ...(given._page ? { _page: given._page } : {}), ...(given._size ? { _size: given._size } : {}) });
  return { ...looseListState(resource, query), ...paging };
}

/** The same for a page that only says what is wrong with its URL. */
export function looseListState(resource: Resource, query: Query): ListState {
  return {
    filter: filterTextOf(query),
    sort: one(query._sort) || resource.defaultSort,
    page: 1,
    size: 25,
    selectionId: one(query._s) || null,
  };
}

/** A list's query from the text that a form carries. */
export function queryOf(text: string): Query {
  const query: Query = {};
  for (const [name, value] of new URLSearchParams(text)) query[name] = [...[query[name] ?? []].flat(), value];
  return query;
}

/** The path of a list with its state; what is as it is anyway is left out. */
export function listPath(resource: Resource, state: ListState, changes: Partial<ListState> = {}): string {
  const { filter, sort, page, size, selectionId } = { ...state, ...changes };
  const query = new URLSearchParams(filter);
  if (sort !== resource.defaultSort) query.set('_sort', sort);
  if (size !== 25) query.set('_size', String(size));
  if (page !== 1) query.set('_page', String(page));
  if (selectionId) query.set('_s', selectionId);
  const text = query.toString();
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
