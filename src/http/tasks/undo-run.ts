import { randomUUID } from 'node:crypto';
import type { UndoPreview } from '../../tasks/follow-ups/undo.ts';
import type { Url } from '../url.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import type { NamedTask } from './task-title.ts';
import { type UndoData, undoData } from './undo.ts';

/** What is to be put back of one resource, with the titles of those that would be refused. */
export interface UndonePartShown {
  preview: UndoPreview;
  titles: ReadonlyMap<string, string>;
}

/** The undo of a run: of each resource whose records it changed; none: by the code of its own. */
export function undoRunData(
  task: NamedTask,
  parts: readonly UndonePartShown[],
  url: Url,
): UndoData {
  const shown = parts.map(({ preview, titles }) =>
    undoData(
      { preview: { ...preview, task }, keys: [], titles, after: '', chosen: [], error: null },
      url,
    ),
  );
  const groups = shown.flatMap(({ refused }) => refused?.groups ?? []);
  const refusedCount = sumOf(parts, 'refused');
  const [total, judged] = [sumOf(parts, 'total'), sumOf(parts, 'judged')];
  const [restored, unchanged] = [sumOf(parts, 'restored'), sumOf(parts, 'unchanged')];
  const gone = sumOf(parts, 'gone');
  const isByCode = parts.length === 0;
  return {
    title: followUpTexts.undoHeading(task.title, task.id),
    back: { href: url(`/tasks/${task.id}`), label: followUpTexts.backToTask(task.id) },
    action: url(`/tasks/${task.id}/undo`),
    operationId: randomUUID(),
    intro: isByCode ? followUpTexts.undoByCodeIntro : followUpTexts.undoIntro,
    error: null,
    sampleText: judged < total ? followUpTexts.undoSample(judged, total) : null,
    restoredText: isByCode
      ? followUpTexts.undoByCode
      : restored > 0
        ? followUpTexts.restored(restored, [])
        : followUpTexts.restoredNone,
    counts: [
      ...(unchanged > 0 ? [followUpTexts.unchanged(unchanged)] : []),
      ...(gone > 0 ? [followUpTexts.gone(gone)] : []),
    ],
    refused: refusedCount === 0 ? null : { heading: followUpTexts.refused(refusedCount), groups },
    canUndo: isByCode || restored > 0 || judged < total,
    records: [],
    ticked: [],
    tickedText: null,
    next: null,
    first: null,
    words: {
      all: isByCode ? followUpTexts.undo : followUpTexts.undoAll(total),
      chosen: followUpTexts.undoChosen,
      chooseHeading: followUpTexts.chooseHeading,
      chooseNote: followUpTexts.chooseNote,
      cancel: followUpTexts.cancel,
    },
  };
}

/** The same as programs read it. */
export function undoRunJson(task: NamedTask, parts: readonly UndonePartShown[]) {
  const resources = parts.map(({ preview }) => {
    const { resource, total, judged, restored, unchanged, gone, refused } = preview;
    return { resource: resource.slug, total, judged, restored, unchanged, gone, refused };
  });
  return { taskId: task.id, isByCode: parts.length === 0, resources };
}

type Counted = 'total' | 'judged' | 'restored' | 'unchanged' | 'gone' | 'refused';

function sumOf(parts: readonly UndonePartShown[], name: Counted): number {
  const counts = parts.map(({ preview: { [name]: counted } }) =>
    typeof counted === 'number' ? counted : counted.reduce((sum, { count }) => sum + count, 0),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
