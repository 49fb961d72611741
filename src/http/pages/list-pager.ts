import type { Resource } from '../../resources/contract.ts';
import { pageSizes } from '../../selection/list.ts';
import { listTexts } from '../texts/list.ts';
import { listPath, type ListState } from './list-state.ts';
import type { Urls } from './url.ts';

export interface PagerData {
  rangeText: string;
  steps: readonly { rel: 'first' | 'prev' | 'next' | 'last'; label: string; icon: string; href: string | null }[];
  page: number;
  pages: number;
  pagesText: string;
  /** Where the go-to-page form goes, and what it carries beside the page. */
  action: string;
  kept: readonly { name: string; value: string }[];
  sizes: readonly { size: number; label: string; href: string; isCurrent: boolean }[];
  words: typeof listTexts;
}

export function pagerData(resource: Resource, state: ListState, total: number, url: Urls): PagerData {
  const { page, size } = state;
  const pages = Math.max(1, Math.ceil(total / size));
  const to = (target: number) => url(listPath(resource, state, { page: target }));
  const from = (page - 1) * size + 1;
  const isBack = page > 1;
  const isOn = page < pages;
  return {
    rangeText: total === 0 ? listTexts.range(0, 0, 0) : listTexts.range(Math.min(from, total), Math.min(page * size, total), total),
    steps: [
      { rel: 'first', label: listTexts.first, icon: 'chevrons-left', href: isBack ? to(1) : null },
      { rel: 'prev', label: listTexts.previous, icon: 'chevron-left', href: isBack ? to(Math.min(page - 1, pages)) : null },
      { rel: 'next', label: listTexts.next, icon: 'chevron-right', href: isOn ? to(page + 1) : null },
      { rel: 'last', label: listTexts.last, icon: 'chevrons-right', href: isOn ? to(pages) : null },
    ],
    page,
    pages,
    pagesText: listTexts.pageOf(pages),
    action: url(`/${resource.slug}`),
    kept: [...new URL(listPath(resource, state, { page: 1 }), 'http://x').searchParams].map(([name, value]) => ({ name, value })),
    sizes: pageSizes.map((option) => ({
      size: option,
      label: listTexts.perPageOf(option),
      // The first record on the page stays on it.
      href: url(listPath(resource, state, { size: option, page: Math.floor((from - 1) / option) + 1 })),
      isCurrent: option === size,
    })),
    words: listTexts,
  };
}
