import { randomUUID } from 'node:crypto';
import { limits } from '../../limits.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { UndoPreview } from '../../tasks/follow-ups/undo.ts';
import type { Url } from '../url.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import { type RefusedRecord, refusedRecord } from './task.ts';

/** Records of a page to choose from. */
const namedPerReason = 10;

export interface UndoData {
  title: string;
  back: { href: string; label: string };
  action: string;
  operationId: string;
  intro: string;
  error: string | null;
  sampleText: string | null;
  restoredText: string;
  counts: readonly string[];
  refused: {
    heading: string;
    groups: readonly {
      message: string;
      countText: string;
      records: readonly RefusedRecord[];
      moreText: string | null;
    }[];
  } | null;
  canUndo: boolean;
  records: readonly {
    record: RefusedRecord;
    value: string;
    tickLabel: string;
    isChecked: boolean;
  }[];
  /** Ticked on other pages. */
  ticked: readonly string[];
  tickedText: string | null;
  /** Where a page is turned to, with the ticks: the id that the next begins after. */
  next: { after: string; label: string } | null;
  first: { after: string; label: string } | null;
  words: { all: string; chosen: string; chooseHeading: string; chooseNote: string; cancel: string };
}

export interface OpenedUndo {
  preview: UndoPreview;
  /** One more than a page where there are more. */
  keys: readonly string[];
  titles: ReadonlyMap<string, string>;
  after: string;
  chosen: readonly string[];
  error: string | null;
}

export function undoData(
  { preview, keys, titles, after, chosen, error }: OpenedUndo,
  url: Url,
): UndoData {
  const { task, resource, total, judged, restored, unchanged, gone, refused, cascade } = preview;
  const base = `/tasks/${task.id}/undo`;
  const shown = keys.slice(0, limits.shown.undone);
  const elsewhere = chosen.filter((key) => !shown.includes(key));
  const refusedCount = refused.reduce((sum, { count }) => sum + count, 0);
  const named = (key: string) => refusedRecord(key, titles, resource, url);
  return {
    title: followUpTexts.undoHeading(task.title, task.id),
    back: { href: url(`/tasks/${task.id}`), label: followUpTexts.backToTask(task.id) },
    action: url(base),
    operationId: randomUUID(),
    intro: followUpTexts.undoIntro,
    error,
    sampleText: judged < total ? followUpTexts.undoSample(judged, total) : null,
    restoredText:
      restored > 0
        ? followUpTexts.restored(restored, cascade.map(kindOf))
        : followUpTexts.restoredNone,
    counts: [
      ...(unchanged > 0 ? [followUpTexts.unchanged(unchanged)] : []),
      ...(gone > 0 ? [followUpTexts.gone(gone)] : []),
    ],
    refused:
      refusedCount === 0
        ? null
        : {
            heading: followUpTexts.refused(refusedCount),
            groups: refused.map(({ message, count, keys: refusedKeys }) => ({
              message,
              countText: followUpTexts.failuresOf(count),
              records: refusedKeys.slice(0, namedPerReason).map(named),
              moreText:
                count > namedPerReason
                  ? followUpTexts.more(count - Math.min(namedPerReason, refusedKeys.length))
                  : null,
            })),
          },
    canUndo: restored > 0 || judged < total,
    records: shown.map((key) => {
      const record = named(key);
      return {
        record,
        value: keyToUrl(resource.model, key),
        tickLabel: followUpTexts.tick(record.title),
        isChecked: chosen.includes(key),
      };
    }),
    ticked: elsewhere.map((key) => keyToUrl(resource.model, key)),
    tickedText: elsewhere.length > 0 ? followUpTexts.tickedElsewhere(elsewhere.length) : null,
    next:
      keys.length > limits.shown.undone
        ? { after: keyToUrl(resource.model, shown.at(-1) as string), label: followUpTexts.next }
        : null,
    first: after === '' ? null : { after: '', label: followUpTexts.first },
    words: {
      all: followUpTexts.undoAll(total),
      chosen: followUpTexts.undoChosen,
      chooseHeading: followUpTexts.chooseHeading,
      chooseNote: followUpTexts.chooseNote,
      cancel: followUpTexts.cancel,
    },
  };
}

function kindOf({ resource, count }: UndoPreview['cascade'][number]): string {
  return followUpTexts.ofKind(count, resource.singular, resource.label);
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/undo': UndoData;
  }
}
