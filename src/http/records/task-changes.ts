import type { Principal } from '../../auth/principal.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { TaskChange } from '../../operations/journal/history.ts';
import { type JournalWord, journal, journalWord } from '../../operations/journal-kind.ts';
import { findOperation } from '../../operations/operations.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { seesEveryRow } from '../../resources/permissions.ts';
import { taskRecordsFilter } from '../../selection/task-records.ts';
import { excerpt } from '../controls/excerpt.ts';
import type { AsOf } from '../shell/as-of.ts';
import { followUpTexts } from '../tasks/follow-ups-texts.ts';
import { type InList, inList } from '../tasks/in-list.ts';
import type { NamedTask } from '../tasks/task-title.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import type { Url } from '../url.ts';
import { type ShownChange, shownChange, valueWords } from './history.ts';
import { recordPath } from './record-form.ts';
import { taskChangeTexts } from './task-changes-texts.ts';

/** More fields than these are a list under their record, not columns. */
const maxColumns = 5;

export interface TaskChangesData {
  title: string;
  heading: string;
  /** How old what is listed may be. */
  asOf: AsOf | null;
  back: { href: string; label: string };
  countText: string;
  inList: InList | null;
  /** Fields that have a column of their own; null: each record lists its own. */
  columns: readonly string[] | null;
  rows: readonly TaskChangeLine[];
  /** That some are left out. */
  unseenText: string | null;
  emptyText: string;
  first: { href: string; label: string } | null;
  next: { href: string; label: string } | null;
  words: typeof taskChangeTexts;
}

export interface TaskChangeLine {
  title: string;
  href: string | null;
  /** What the values alone do not say. */
  notes: readonly string[];
  kind: JournalWord;
  /**
   * In the order of the columns, null where it was not written; without columns those that were.
   */
  values: readonly (ShownChange | null)[];
}

export interface TaskChangesParts {
  registry: ResourceRegistry;
  asOf: AsOf | null;
  resource: Resource;
  principal: Principal;
  task: NamedTask;
  changes: readonly TaskChange[];
  next: string | null;
  /** Of those that are there, and that the principal may see. */
  titles: ReadonlyMap<string, string>;
  after: string;
  /** Path of the page; left out, that of all that the task changed. */
  base?: string;
  url: Url;
}

/** One statement for each relation among the changed fields. */
export async function taskChangesData(parts: TaskChangesParts): Promise<TaskChangesData> {
  const { resource, principal, task, changes, next, titles, after, url } = parts;
  // A scope cannot be asked about what is not there: whoever deleted it saw it, and so does who
  // sees every record.
  const seesGone =
    seesEveryRow(resource, principal) ||
    (task.principalId === principal.id &&
      findOperation(resource, task.operation)?.writes === journal.deleted);
  const seen = changes.filter(({ key }) => titles.has(key) || seesGone);
  const words = await valueWords(
    parts,
    seen.flatMap(({ values }) => values ?? []),
  );
  const { base = `/tasks/${task.id}/changes` } = parts;
  const fields = [
    ...new Set(seen.flatMap(({ values }) => (values ?? []).map(({ field }) => field))),
  ];
  const hasColumns = fields.length > 0 && fields.length <= maxColumns;
  const unseen = new Set(changes.filter((change) => !seen.includes(change)).map(({ key }) => key))
    .size;
  return {
    title: taskChangeTexts.heading(task.title),
    heading: taskChangeTexts.heading(task.title),
    asOf: parts.asOf,
    back: { href: url(`/tasks/${task.id}`), label: followUpTexts.backToTask(task.id) },
    countText: taskChangeTexts.count(task.changed),
    inList: seen.some(({ key }) => titles.has(key))
      ? inList(parts, taskRecordsFilter('changed', task.id), {
          select: taskChangeTexts.select(task.changed),
          list: taskChangeTexts.list(task.changed),
        })
      : null,
    columns: hasColumns ? fields.map(({ label }) => label) : null,
    rows: seen.map((change) => lineOf(change)),
    unseenText: unseen > 0 ? taskChangeTexts.unseen(unseen) : null,
    emptyText: taskChangeTexts.none,
    first: after === '' ? null : { href: url(base), label: taskChangeTexts.first },
    next:
      next === null
        ? null
        : {
            href: url(`${base}?${new URLSearchParams({ _after: next })}`),
            label: taskChangeTexts.next,
          },
    words: taskChangeTexts,
  };

  function lineOf(change: TaskChange): TaskChangeLine {
    const { key, id, kind, values, hiddenCount } = change;
    const isThere = titles.has(key);
    const path = url(recordPath(resource, key));
    const shown = (values ?? []).map((value) =>
      short(shownChange(value, words, `${path}/history/${id}`)),
    );
    return {
      title: (titles.get(key) ?? change.title ?? '').trim() || keyToUrl(resource.model, key),
      href: isThere ? path : seesEveryRow(resource, principal) ? `${path}/history` : null,
      notes: [
        ...(isThere ? [] : [taskChangeTexts.gone]),
        ...(kind === journal.created ? [taskChangeTexts.created] : []),
        ...(values === null ? [taskChangeTexts.emptied] : []),
        ...(hiddenCount > 0 ? [taskTexts.hiddenChanges(hiddenCount)] : []),
      ],
      kind: journalWord(kind),
      values: hasColumns ? fields.map((field) => cellOf(field, values, shown)) : shown,
    };
  }

  function cellOf(
    field: ResourceField,
    values: TaskChange['values'],
    shown: readonly ShownChange[],
  ): ShownChange | null {
    const at = (values ?? []).findIndex((value) => value.field === field);
    return shown[at] ?? null;
  }
}

/** Of long texts the place where they differ. */
function short(change: ShownChange): ShownChange {
  if (change.before === null || change.after === null) return change;
  const { before, after } = excerpt({ before: change.before, after: change.after });
  return { ...change, before, after };
}

declare module '../pages.ts' {
  interface Pages {
    'task-changes/show': TaskChangesData;
  }
}
