import type { Principal } from '../../auth/principal.ts';
import type { AppError } from '../../errors.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { Column, Resource, ResourceRegistry } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import { endCursor } from '../../selection/cursor.ts';
import type { TitleOf } from '../../selection/filter-titles.ts';
import type { ListedRecord, ListPage } from '../../selection/list.ts';
import { canSearch } from '../../selection/search.ts';
import { isSelected } from '../../selection/selection.ts';
import { findSortable, sortParts, sortText } from '../../selection/sort.ts';
import type { OfferedButton } from '../../tasks/launching/launch-buttons.ts';
import type { Holder } from '../../tasks/looking/holders.ts';
import { canSelect } from '../controls/can-select.ts';
import { alignOf, type CellData, columnCell } from '../controls/cell.ts';
import { backText, type ListState, listPath, start } from '../list-address.ts';
import type { AsOf } from '../shell/as-of.ts';
import { type LaunchButtonData, launchButtons } from '../tasks/launch.ts';
import type { RunningData } from '../tasks/progress.ts';
import type { Url } from '../url.ts';
import {
  type Chip,
  chipsOf,
  controlNames,
  type FilterControl,
  filterControls,
  type ListFilterParts,
} from './list-filters.ts';
import { leadOf } from './list-lead.ts';
import { type PagerData, pagerData } from './list-pager.ts';
import { listTexts, selectionTexts } from './list-texts.ts';
import { type RowLockData, rowLock } from './row-lock.ts';
import { type LiveSelection, type SelectionBarData, selectionBarData } from './selection-bar.ts';

/** The whole page of a list. */
export interface ListPageData extends ListData {
  title: string;
  heading: string;
  /** What the database says about the table. */
  lead: readonly string[];
  /** What was deleted here. */
  deleted: { href: string; label: string } | null;
  create: { href: string; label: string } | null;
  /** What launches tasks of the project's own. */
  buttons: readonly LaunchButtonData[];
  running: RunningData;
  scripts: readonly string[];
}

/** Filters and records: what a removed filter swaps. */
export interface ListData extends RecordsData {
  search: { label: string; value: string; isWrong: boolean } | null;
  filters: readonly FilterControl[];
  /** The page that makes a filter, from this list's. */
  filterUrl: string;
}

/** What filtering, sorting and paging swap. */
export interface RecordsData {
  label: string;
  /** This list at this state: what it refreshes itself from. */
  href: string;
  /** The list without state, where its forms go. */
  action: string;
  /** State that the filter form carries on. */
  kept: readonly { name: string; value: string }[];
  chips: readonly Chip[];
  clearUrl: string;
  /** How old what is listed may be. */
  asOf: AsOf | null;
  /** What is wrong with the address, and the way on. */
  error: { heading: string; message: string; hint: string; href: string; label: string } | null;
  empty: { text: string; icon: string; href: string | null; label: string } | null;
  columns: readonly ColumnData[];
  rows: readonly RowData[];
  hasActions: boolean;
  /** Null: nothing can be done with a selection, so nothing can be selected. */
  selection: {
    action: string;
    listQuery: string;
    bar: SelectionBarData;
    page: 'none' | 'some' | 'all';
  } | null;
  pager: PagerData | null;
  words: typeof listTexts;
}

export interface ColumnData {
  name: string;
  label: string;
  align: 'start' | 'end';
  /** Null: cannot be sorted by it. */
  sort: {
    /** Sorts by this column alone. */
    href: string;
    /** The order with this column at its end, or turned where it is. */
    thenBy: string;
    label: string;
    direction: 'ascending' | 'descending' | null;
    /** Among several, from 1. */
    place: number | null;
    isFirst: boolean;
  } | null;
}

export interface RowData {
  key: string;
  title: string;
  isTicked: boolean;
  tickText: string;
  cells: readonly CellData[];
  /** Its own page; null: it has none, without an id. */
  show: string | null;
  /** Null: not allowed; without an address while a task holds the record. */
  edit: { href: string | null; label: string } | null;
  delete: { href: string | null; label: string } | null;
  lock: RowLockData | null;
}

export interface ListParts {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  state: ListState;
  page: ListPage;
  asOf: AsOf | null;
  holders: ReadonlyMap<string, Holder>;
  /** What tasks that hold records are called, as far as they are the reader's to see. */
  taskTitles: ReadonlyMap<number, string>;
  live: LiveSelection;
  titleOf: TitleOf;
  error: AppError | null;
  url: Url;
}

export function listPageData(
  parts: ListParts,
  running: RunningData,
  buttons: readonly OfferedButton[],
): ListPageData {
  const { resource, principal, url } = parts;
  return {
    ...listData(parts),
    title: resource.label,
    heading: resource.label,
    lead: leadOf(resource),
    deleted:
      can(resource, principal, 'delete') &&
      (resource.scope(principal) === null || resource.hooks.delete)
        ? {
            href: url(`/${resource.slug}/deleted`),
            label: resource.hooks.delete ? listTexts.putAwayLink : listTexts.deleted,
          }
        : null,
    create: can(resource, principal, 'create')
      ? { href: url(`/${resource.slug}/new`), label: listTexts.create(resource.singular) }
      : null,
    buttons: launchButtons(buttons, url),
    running,
    scripts: ['selection.js', 'picker.js', 'list.js'],
  };
}

export function listData(parts: ListParts): ListData {
  const { resource, state, error } = parts;
  const value = new URLSearchParams(state.filter).get('_q') ?? '';
  const isWrong = error?.details.field === '_q';
  return {
    ...recordsData(parts),
    search: canSearch(resource)
      ? { label: listTexts.search(resource.label), value, isWrong }
      : null,
    filters: filterControls(filterParts(parts)),
    filterUrl: parts.url(
      listPath(resource, state).replace(`/${resource.slug}`, `/${resource.slug}/filter`),
    ),
  };
}

export function recordsData(parts: ListParts): RecordsData {
  const { resource, principal, page, live, error, url } = parts;
  const state = { ...parts.state, selectionId: live.selection?.id ?? null };
  const back = backText(resource, state);
  const rows = page.records.map((record) => rowData(parts, record, back));
  const ticked = rows.filter((row) => row.isTicked).length;
  const query = new URL(
    listPath(resource, { ...state, selectionId: null }),
    'http://x',
  ).search.slice(1);
  return {
    label: resource.label,
    href: url(listPath(resource, state)),
    action: url(`/${resource.slug}`),
    kept: keptOf(resource, state),
    chips: chipsOf({ ...filterParts(parts), state }, principal),
    clearUrl: url(listPath(resource, state, { filter: '', ...start })),
    asOf: parts.asOf,
    error: error && errorOf(parts, error),
    empty: error || rows.length > 0 ? null : emptyOf(parts),
    columns: resource.columns.map((column) => columnData({ ...parts, state }, column)),
    rows,
    hasActions: rows.some((row) => row.edit !== null || row.delete !== null),
    selection:
      error || !canSelect(resource, principal)
        ? null
        : {
            action: url(`/${resource.slug}/selection`),
            listQuery: query,
            bar: selectionBarData(resource, principal, live, { total: page.total, url }),
            page: ticked === 0 ? 'none' : ticked === rows.length ? 'all' : 'some',
          },
    pager:
      error || (rows.length === 0 && page.total.value === 0)
        ? null
        : pagerData(resource, state, page, url),
    words: listTexts,
  };
}

function filterParts({ resource, state, titleOf, error, url }: ListParts): ListFilterParts {
  return {
    resource,
    state,
    titleOf,
    wrongField: error ? String(error.details.field ?? '') : null,
    url,
  };
}

/** A relation is sorted by as `country` or, to the same end, as `country.name`. */
function titlePath(
  registry: ResourceRegistry,
  resource: Resource,
  { name, field }: Column,
): string | null {
  if (field?.relation?.kind !== 'to-one') return null;
  return `${name}.${resource.related(field.relation.model)?.titleField ?? registry.titleFieldOf(field.relation.model)}`;
}

/**
 * State that the quick filters' form carries on: also the conditions for which it has no control,
 * or no room in it.
 */
function keptOf(resource: Resource, state: ListState): { name: string; value: string }[] {
  const room = new Map([['_q', 1], ...controlNames(resource)]);
  const pairs = [...new URL(listPath(resource, state, start), 'http://x').searchParams];
  return pairs.flatMap(([name, value]) => {
    const left = room.get(name) ?? 0;
    room.set(name, left - 1);
    return left > 0 ? [] : [{ name, value }];
  });
}

/** A place that there is not leaves the filter as it is. */
function errorOf({ resource, state, url }: ListParts, error: AppError): RecordsData['error'] {
  const link = (changes: Partial<ListState>, label: string) => ({
    href: url(listPath(resource, state, changes)),
    label,
  });
  const { message } = error;
  if (!['_page', '_size', '_after', '_before'].includes(String(error.details.field))) {
    return {
      heading: listTexts.invalidHeading,
      message,
      hint: listTexts.invalidHint,
      ...link({ filter: '', ...start }, listTexts.reset),
    };
  }
  const isBeyond = error.code === 'page-too-far';
  const to = isBeyond
    ? link({ ...start, before: endCursor }, listTexts.toLastPage)
    : link(start, listTexts.first);
  return { heading: listTexts.noPlaceHeading, message, hint: '', ...to };
}

function emptyOf({ resource, principal, state, page, url }: ListParts): RecordsData['empty'] {
  const link = (changes: Partial<ListState>, label: string) => ({
    href: url(listPath(resource, state, changes)),
    label,
  });
  if (page.total.value > 0 && (page.hasPrevious || page.hasNext)) {
    const pages = Math.ceil(page.total.value / state.size);
    const isNumbered = page.total.isExact && page.total.value <= resource.countLimit;
    const last = isNumbered ? { ...start, page: pages } : { ...start, before: endCursor };
    const text = page.number === null ? listTexts.emptyPlace : listTexts.emptyPage(page.number);
    return { text, icon: 'search-x', ...link(last, listTexts.toLastPage) };
  }
  if (state.filter !== '') {
    return {
      text: listTexts.emptyFiltered(resource.label),
      icon: 'search-x',
      ...link({ filter: '', ...start }, listTexts.reset),
    };
  }
  const create = can(resource, principal, 'create')
    ? { href: url(`/${resource.slug}/new`), label: listTexts.create(resource.singular) }
    : { href: null, label: '' };
  return { text: listTexts.emptyAll(resource.label), icon: 'inbox', ...create };
}

function columnData(
  { registry, resource, principal, page, state, url }: ListParts,
  column: Column,
): ColumnData {
  const { name, label } = column;
  const first = page.records.find((record) => record.values[name] !== null)?.values[name];
  const align =
    alignOf(column) ?? (typeof first === 'number' || typeof first === 'bigint' ? 'end' : 'start');
  if (!column.field || !findSortable(registry, resource, principal, name))
    return { name, label, align, sort: null };
  const sorts = sortParts(state.sort);
  const longPath = titlePath(registry, resource, column);
  const place = sorts.findIndex(({ path }) => path === name || path === longPath);
  const own = sorts[place];
  const turned = { path: name, isDescending: own ? !own.isDescending : false };
  const alone = place === 0 ? turned : { path: name, isDescending: false };
  return {
    name,
    label,
    align,
    sort: {
      href: url(listPath(resource, state, { sort: sortText([alone]), ...start })),
      thenBy: sortText(own ? sorts.with(place, turned) : [...sorts, turned]),
      label: listTexts.sortBy(label, alone.isDescending),
      direction: own ? (own.isDescending ? 'descending' : 'ascending') : null,
      place: own && sorts.length > 1 ? place + 1 : null,
      isFirst: place === 0,
    },
  };
}

function rowData(parts: ListParts, record: ListedRecord, back: string): RowData {
  const { resource, principal, holders, live, url } = parts;
  const path = `/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, record.key))}`;
  const holder = holders.get(record.key);
  const title = record.title.trim() || keyToUrl(resource.model, record.key);
  const link = (action: 'update' | 'delete', segment: string, label: string) =>
    can(resource, principal, action)
      ? { href: holder ? null : url(`${path}/${segment}${back}`), label }
      : null;
  return {
    key: record.key,
    title,
    isTicked: live.selection !== null && isSelected(live.selection, record.key),
    tickText: selectionTexts.tick(title),
    cells: resource.columns.map((column) => columnCell(parts, column, record)),
    show: record.key === '' ? null : url(`${path}${back}`),
    edit: link('update', 'edit', listTexts.edit(title)),
    delete: link(
      'delete',
      'delete',
      (resource.hooks.delete ? listTexts.putAway : listTexts.delete)(title),
    ),
    lock: holder ? lockOf(parts, record.key, holder, title) : null,
  };
}

function lockOf(
  { resource, taskTitles, url }: ListParts,
  key: string,
  holder: Holder,
  title: string,
): RowLockData {
  const task = taskTitles.get(holder.taskId);
  const shown = { ...holder, isSeen: task !== undefined, title: task ?? holder.title };
  return rowLock({ resource, key, url }, title, shown);
}

declare module '../pages.ts' {
  interface Pages {
    'list/index': ListPageData;
    'list/_list': ListData;
    'list/_records': RecordsData;
  }
}
