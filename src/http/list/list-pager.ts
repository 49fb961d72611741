import type { Resource } from '../../resources/contract.ts';
import { endCursor } from '../../selection/cursor.ts';
import type { ListPage } from '../../selection/list.ts';
import { pageSizes } from '../../selection/paging.ts';
import { type ListState, listPath, start } from '../list-address.ts';
import type { Url } from '../url.ts';
import { listTexts } from './list-texts.ts';

export interface PagerData {
  rangeText: string;
  /** Null: the count is exact. */
  countUrl: string | null;
  steps: readonly {
    rel: 'first' | 'prev' | 'next' | 'last';
    label: string;
    icon: string;
    href: string | null;
  }[];
  /** Null: some pages have no number, so that none is asked for. */
  goTo: {
    action: string;
    kept: readonly { name: string; value: string }[];
    page: number;
    pages: number;
    pagesText: string;
  } | null;
  /** Null: it has no number, or there is a form that shows it. */
  pageText: string | null;
  sizes: readonly { size: number; label: string; href: string; isCurrent: boolean }[];
  words: typeof listTexts;
}

export function pagerData(
  resource: Resource,
  state: ListState,
  page: ListPage,
  url: Url,
): PagerData {
  const { number, total } = page;
  const to = (changes: Partial<ListState>) => url(listPath(resource, state, changes));
  const pages = Math.max(1, Math.ceil(total.value / state.size));
  const isNumbered = total.isExact && total.value <= resource.countLimit;
  const isPlaced = state.after !== null || state.before !== null;
  const goTo =
    isNumbered && number !== null && (pages > 1 || number > 1)
      ? {
          action: url(`/${resource.slug}`),
          kept: pairsOf(listPath(resource, state, start)),
          page: number,
          pages,
          pagesText: listTexts.pageOf(pages),
        }
      : null;
  return {
    rangeText: rangeText(page, state),
    countUrl: total.isExact ? null : to({ isCounted: true }),
    steps: [
      {
        rel: 'first',
        label: listTexts.first,
        icon: 'chevrons-left',
        href: page.hasPrevious ? to(start) : null,
      },
      {
        rel: 'prev',
        label: listTexts.previous,
        icon: 'chevron-left',
        href: page.hasPrevious ? to(previous()) : null,
      },
      {
        rel: 'next',
        label: listTexts.next,
        icon: 'chevron-right',
        href: page.hasNext ? to(next()) : null,
      },
      {
        rel: 'last',
        label: listTexts.last,
        icon: 'chevrons-right',
        href: page.hasNext ? to(last()) : null,
      },
    ],
    goTo,
    pageText: number !== null && !goTo && pages > 1 ? listTexts.pageNumber(number) : null,
    sizes: pageSizes.map((option) => ({
      size: option,
      label: listTexts.perPageOf(option),
      href: to({ size: option, ...sameStart(option) }),
      isCurrent: option === state.size,
    })),
    words: listTexts,
  };

  function previous(): Partial<ListState> {
    if (!isPlaced && number !== null)
      return { ...start, page: isNumbered ? Math.min(number - 1, pages) : number - 1 };
    return page.first === null
      ? start
      : {
          before: page.first,
          after: null,
          page: number !== null && number > 1 ? number - 1 : null,
        };
  }

  // Numbers as far as an offset is cheap; from there on a page begins after the last record of the
  // one before.
  function next(): Partial<ListState> {
    const following = number === null ? null : number + 1;
    const isNear = !isPlaced && number !== null && number * state.size <= resource.countLimit;
    return isNear || page.last === null
      ? { ...start, page: following }
      : { after: page.last, before: null, page: following };
  }

  function last(): Partial<ListState> {
    return isNumbered || page.last === null
      ? { ...start, page: pages }
      : { before: endCursor, after: null, page: null };
  }

  // The first record on the page stays on it.
  function sameStart(size: number): Partial<ListState> {
    if (isPlaced || number === null) return { page: null };
    return { page: Math.floor(((number - 1) * state.size) / size) + 1 };
  }
}

function rangeText({ number, records, total }: ListPage, { size, before }: ListState): string {
  const of = listTexts.count(total);
  const isEnd = before === endCursor && total.isExact;
  const from = isEnd
    ? total.value - records.length + 1
    : number === null
      ? null
      : (number - 1) * size + 1;
  if (records.length === 0) return listTexts.range(0, 0, of);
  return from === null
    ? listTexts.some(records.length, of)
    : listTexts.range(from, from + records.length - 1, of);
}

function pairsOf(path: string): { name: string; value: string }[] {
  return [...new URL(path, 'http://x').searchParams].map(([name, value]) => ({ name, value }));
}
