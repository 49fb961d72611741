import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { Tone } from '../../operations/contract.ts';
import { offeredTo } from '../../operations/operations.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import type { Count } from '../../selection/count.ts';
import { countSelection, findSelection, type Selection } from '../../selection/selection.ts';
import type { ListState } from '../list-address.ts';
import type { Url } from '../url.ts';
import { selectionTexts } from './list-texts.ts';

/** What is selected, and what can be done with it. */
export interface SelectionBarData {
  selectionId: string;
  count: number;
  /** `none` when nothing is selected. */
  kind: 'none' | 'ticked' | 'matching';
  countText: string;
  excludedText: string | null;
  notice: string | null;
  matchingText: string | null;
  offers: readonly OfferLink[];
  words: typeof selectionTexts;
}

/** Leads to the form of an operation. */
export interface OfferLink {
  href: string;
  label: string;
  icon: string;
  tone: Tone;
}

/**
 * A selection that counts for a list: one of everything matching ends when the filter is another.
 */
export interface LiveSelection {
  selection: Selection | null;
  count: Count;
  notice: string | null;
}

export const noSelection: LiveSelection = {
  selection: null,
  count: { value: 0, isExact: true },
  notice: null,
};

/** At most two statements. `total` is how many records match the list's filter. */
export async function findLiveSelection(
  { db, registry }: { db: Database; registry: ResourceRegistry },
  resource: Resource,
  principal: Principal,
  state: ListState,
  total: Count,
): Promise<LiveSelection> {
  if (!state.selectionId) return noSelection;
  const selection = await findSelection(db, principal, resource, state.selectionId);
  if (!selection) return { ...noSelection, notice: selectionTexts.gone };
  if (hasEnded(selection, state.filter)) return { ...noSelection, notice: selectionTexts.ended };
  return {
    selection,
    count: await countSelected(registry, resource, principal, selection, total),
    notice: null,
  };
}

/**
 * Of everything matching a large filter, an estimate as the filter's own count is one. At most one
 * statement.
 */
export async function countSelected(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  selection: Selection,
  total: Count,
): Promise<Count> {
  const { kind, exclusions } = selection;
  if (kind === 'matching' && exclusions.length === 0) return total;
  if (kind === 'matching' && !total.isExact)
    return { value: Math.max(0, total.value - exclusions.length), isExact: false };
  return { value: await countSelection(registry, resource, principal, selection), isExact: true };
}

export function hasEnded(selection: Selection, filter: string): boolean {
  return selection.kind === 'matching' && selection.filter !== filter;
}

export function selectionBarData(
  resource: Resource,
  principal: Principal,
  { selection, count, notice }: LiveSelection,
  { total, url }: { total: Count; url: Url },
): SelectionBarData {
  const id = selection?.id ?? '';
  const isMatching = selection?.kind === 'matching';
  const offered = count.value > 0 ? offeredTo(resource, principal) : [];
  const excluded = isMatching ? selection.exclusions.length : 0;
  const isWhole = isMatching && excluded === 0;
  return {
    selectionId: id,
    count: count.value,
    kind: count.value === 0 ? 'none' : isMatching ? 'matching' : 'ticked',
    countText:
      count.value === 0
        ? selectionTexts.none
        : isWhole
          ? selectionTexts.all(count, resource.label)
          : selectionTexts.count(count),
    excludedText: excluded > 0 ? selectionTexts.excluded(excluded) : null,
    notice,
    matchingText: total.value > 0 && !isWhole ? selectionTexts.selectMatching(total) : null,
    offers: offered.map(({ offer, words }) => ({
      href: url(`/${resource.slug}/${offer.path}?_s=${id}`),
      label: words.button,
      icon: offer.icon,
      tone: offer.tone,
    })),
    words: selectionTexts,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'list/_selection-bar': SelectionBarData;
  }
}
