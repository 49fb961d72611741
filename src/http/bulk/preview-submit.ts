import type { OperationWords } from '../../operations/words.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Findings, Preview } from '../../tasks/previewing/preview.ts';
import { bulkTexts } from './bulk-texts.ts';
import { previewTexts } from './previews-texts.ts';

/**
 * The buttons of a preview. Each promises what the trial found, and a button that could not succeed
 * is not there.
 */
export interface SubmitData {
  /** Null: run as it is, it would change nothing. */
  text: string | null;
  /** Why there is no such button. */
  why: string | null;
  /**
   * Leaves out those that were refused; null: none were, nothing would be left, or not all of them
   * are known.
   */
  leaveOutText: string | null;
  /** Runs it in the background, where the good ones are kept. */
  backgroundText: string | null;
}

const none: SubmitData = { text: null, why: null, leaveOutText: null, backgroundText: null };

export function submitOf(
  resource: Resource,
  words: OperationWords,
  preview: Preview,
  findings: Findings,
): SubmitData {
  const { recordCount: count, runsInline } = preview;
  const { changed, unchanged, busy, held, isSample } = findings;
  const text = (max: number, counted?: string) =>
    words.submit(bulkTexts.records(max, resource, counted));
  const refused = findings.refused.reduce((sum, group) => sum + group.count, 0);
  if (runsInline && refused > 0) {
    return {
      ...none,
      why: previewTexts.wouldRollBack(refused),
      leaveOutText:
        changed + unchanged > 0 && refusedKeys(findings).length === refused
          ? previewTexts.leaveOutRefused(refused)
          : null,
      backgroundText:
        changed > 0 && preview.backend !== inlineName
          ? previewTexts.inBackground(text(changed))
          : null,
    };
  }
  const isFree = held.length === 0 && busy === 0;
  if (!isSample && isFree && changed === 0)
    return { ...none, why: previewTexts.wouldChangeNothing };
  if (isSample)
    return {
      ...none,
      text: text(count, changed < findings.tried ? previewTexts.upTo(count) : undefined),
    };
  return {
    ...none,
    text: text(count, isFree && changed < count ? previewTexts.ofAll(changed, count) : undefined),
  };
}

/** Those that a preview names: all of them, unless there are very many. */
export function refusedKeys({ refused }: Pick<Findings, 'refused'>): string[] {
  return refused.flatMap(({ keys }) => keys);
}
