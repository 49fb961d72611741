import type { TaskContext } from '../../tasks/context.ts';
import {
  countMatched,
  type MatchedCounts,
  type MatchedFilter,
  type MatchedTask,
} from '../../tasks/matching/matched.ts';
import { actOfTask, type MatchingAct, matchingParams } from '../../tasks/matching/matching-acts.ts';
import { isFinished } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Url } from '../url.ts';
import { badgeOf } from './badge.ts';
import { type FateTable, reasonInWords } from './matching.ts';
import { matchingTexts } from './matching-texts.ts';
import type { NamedTask } from './task-title.ts';

/** On the page of a task that acts on all that match: what became of them, so far. */
export interface MatchedData {
  heading: string;
  lines: readonly { text: string; href: string; isDone: boolean }[];
  noMore: string | null;
  emptyText: string;
  list: { href: string; label: string } | null;
}

/** Null: it is no such task. One statement. */
export async function readMatched(
  context: Pick<TaskContext, 'db'>,
  task: TaskRow,
): Promise<MatchedCounts | null> {
  return actOfTask(task.operation) ? countMatched(context.db, lineOf(task)) : null;
}

/** What it has done is kept by the first of its line. */
export function lineOf({ id, lineId }: TaskRow): number {
  return lineId ?? id;
}

export function matchedData(
  task: TaskRow,
  counts: MatchedCounts | null,
  url: Url,
): MatchedData | null {
  const act = actOfTask(task.operation);
  if (!act || !counts) return null;
  const texts = matchingTexts.acts[act];
  const path = (code: string) => url(`/tasks/${task.id}/matched?${new URLSearchParams({ code })}`);
  const left = Object.entries(counts.leftAlone).map(([code, count]) => ({
    text: matchingTexts.leftAlone(reasonInWords(code, null), count),
    href: path(code),
    isDone: false,
  }));
  return {
    heading: matchingTexts.heading,
    lines: [
      ...(counts.done > 0
        ? [{ text: texts.done(counts.done), href: path(doneCode), isDone: true }]
        : []),
      ...left,
    ],
    noMore: noMoreOf(task, counts),
    emptyText: matchingTexts.noneYet,
    list:
      counts.found > 0
        ? { href: url(`/tasks/${task.id}/matched`), label: matchingTexts.showAll }
        : null,
  };
}

/** Where it went through all of them: those that matched when it was confirmed, and no more then. */
function noMoreOf(task: TaskRow, { found }: MatchedCounts): string | null {
  const read = matchingParams.safeParse(task.parameters);
  const isThrough = isFinished(task.state) && task.state !== 'cancelled';
  if (!read.success || !isThrough || !read.data.isExact) return null;
  const missing = read.data.shown - found;
  return missing > 0 ? matchingTexts.noMore(missing) : null;
}

/** In the address: those that were done. */
const doneCode = 'done';

/** What an address names; null: all of them. */
export function matchedFilterOf(code: string): MatchedFilter {
  if (code === '') return null;
  return { code: code === doneCode ? null : code };
}

/** All of them as a list. */
export interface MatchedPageData {
  title: string;
  back: { href: string; label: string };
  label: string;
  reasons: readonly { label: string; href: string; isCurrent: boolean }[];
  table: FateTable;
  emptyText: string;
  first: { href: string; label: string } | null;
  next: { href: string; label: string } | null;
}

export function matchedPageData(
  task: NamedTask,
  {
    act,
    counts,
    found,
    seen,
    code,
    after,
    size,
    url,
  }: {
    act: MatchingAct;
    counts: MatchedCounts;
    /** One more than are shown, if there are. */
    found: readonly MatchedTask[];
    /** Those of them that the reader sees. */
    seen: ReadonlyMap<number, NamedTask>;
    code: string;
    after: number;
    size: number;
    url: Url;
  },
): MatchedPageData {
  const texts = matchingTexts.acts[act];
  const at = (given: Record<string, string>) => {
    const search = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ''));
    return url(`/tasks/${task.id}/matched${search.size > 0 ? `?${search}` : ''}`);
  };
  const reason = (label: string, value: string) => ({
    label,
    href: at({ code: value }),
    isCurrent: value === code,
  });
  const shown = found.slice(0, size);
  const last = found.length > size ? shown.at(-1) : undefined;
  return {
    title: matchingTexts.listTitle(task.title),
    back: { href: url(`/tasks/${task.id}`), label: matchingTexts.back(task.id) },
    label: matchingTexts.reasonsLabel,
    reasons: [
      reason(matchingTexts.any(counts.found), ''),
      ...(counts.done > 0
        ? [reason(matchingTexts.ofReason(texts.wasDone, counts.done), doneCode)]
        : []),
      ...Object.entries(counts.leftAlone).map(([one, count]) =>
        reason(matchingTexts.ofReason(reasonInWords(one, null), count), one),
      ),
    ],
    table: {
      columns: matchingTexts.columns,
      lines: shown.map((one) => lineOfMatched(one, seen, texts.wasDone, url)),
    },
    emptyText: matchingTexts.emptyList,
    first: after > 0 ? { href: at({ code }), label: matchingTexts.first } : null,
    next: last
      ? { href: at({ code, _after: String(last.taskId) }), label: matchingTexts.next }
      : null,
  };
}

/** Of a task that the reader may not see nothing is said but what became of it. */
function lineOfMatched(
  { taskId, code, message, followUpId }: MatchedTask,
  seen: ReadonlyMap<number, NamedTask>,
  wasDone: string,
  url: Url,
): FateTable['lines'][number] {
  const task = seen.get(taskId);
  const isSeen = followUpId !== null && seen.has(followUpId);
  return {
    id: task ? taskId : null,
    title: task?.title ?? matchingTexts.unseen,
    href: task ? url(`/tasks/${taskId}`) : null,
    badge: task ? badgeOf(task.state) : null,
    outcome: code === null ? wasDone : reasonInWords(code, task ? message : null),
    isDone: code === null,
    followUp: isSeen
      ? { href: url(`/tasks/${followUpId}`), label: matchingTexts.followUp(followUpId) }
      : null,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/matched': MatchedPageData;
  }
}
