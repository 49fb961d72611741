import { randomUUID } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { shownText } from '../../fields/stored-text.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type {
  ChangedValue,
  DeletedRecord,
  HistoryEntry,
  HistoryPage,
  HistoryTask,
} from '../../operations/journal/history.ts';
import { type JournalWord, journal, journalWord } from '../../operations/journal-kind.ts';
import { findOperation, mayUndo } from '../../operations/operations.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { titleText } from '../../selection/cut.ts';
import { relatedTitles, relationTarget } from '../../selection/related.ts';
import { seesByResource } from '../../tasks/who-sees.ts';
import { formatDateTime, isoTime } from '../format-span.ts';
import type { AsOf } from '../shell/as-of.ts';
import type { Url } from '../url.ts';
import { historyTexts } from './history-texts.ts';
import { recordPath } from './record-form.ts';
import { isMany } from './record-input.ts';

export interface HistoryData {
  title: string;
  heading: string;
  /** How old what it says may be. */
  asOf: AsOf | null;
  back: { href: string; label: string };
  /** Null: the record is there. */
  deletedText: string | null;
  restore: RestoreForm | null;
  entries: readonly HistoryItem[];
  older: { href: string; label: string } | null;
  newest: { href: string; label: string } | null;
  words: typeof historyTexts;
}

export interface HistoryItem {
  kind: JournalWord;
  icon: string;
  who: string;
  did: string;
  at: string;
  iso: string;
  task: { text: string; href: string | null } | null;
  reason: string | null;
  /** Null: not kept any more. */
  values: readonly ShownChange[] | null;
}

export interface ShownChange {
  label: string;
  before: string | null;
  after: string | null;
  /** Where all of them is, of which only the beginning is shown. */
  whole: { before: string | null; after: string | null };
}

export interface HistoryParts {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  key: string;
  /** Null: it is not there any more. */
  title: string | null;
  page: HistoryPage;
  asOf: AsOf | null;
  /** Of the tasks that are the reader's to see. */
  taskTitles: ReadonlyMap<number, string>;
  isFirst: boolean;
  url: Url;
}

const icons = { create: 'plus', update: 'pencil', delete: 'trash-2' } as const;

/** One statement for each relation among the changed fields. */
export async function historyData(parts: HistoryParts): Promise<HistoryData> {
  const { resource, key, title, page, isFirst, url } = parts;
  const path = recordPath(resource, key);
  const shown = title ?? lastTitle(resource, page) ?? keyToUrl(resource.model, key);
  const words = await valueWords(
    parts,
    page.entries.flatMap((entry) => entry.values ?? []),
  );
  const to = (query: string) => url(`${path}/history${query}`);
  const heading = historyTexts.heading(shown);
  return {
    title: heading,
    heading,
    asOf: parts.asOf,
    back:
      title === null
        ? { href: url(`/${resource.slug}`), label: historyTexts.back(resource.label.toLowerCase()) }
        : { href: url(path), label: historyTexts.back(shown) },
    deletedText: title === null ? historyTexts.isDeleted : null,
    restore: isFirst && (title === null || isPutAway(parts)) ? restoreOfLast(parts) : null,
    entries: page.entries.map((entry) => itemOf(parts, entry, words)),
    older: page.olderThan
      ? { href: to(`?before=${page.olderThan}`), label: historyTexts.older }
      : null,
    newest: isFirst ? null : { href: to(''), label: historyTexts.newest },
    words: historyTexts,
  };
}

function lastTitle({ titleField }: Resource, { entries }: HistoryPage): string | null {
  const values = entries
    .flatMap((entry) => entry.values ?? [])
    .filter(({ field }) => field.meta.name === titleField);
  const last = values[0]?.after ?? values[0]?.before;
  return last === undefined || last === null ? null : titleText(last);
}

export type Words = (field: ResourceField, text: string | null) => string | null;

function itemOf(
  { resource, key, taskTitles, url }: HistoryParts,
  entry: HistoryEntry,
  words: Words,
): HistoryItem {
  const { task } = entry;
  const taskTitle = task === null ? undefined : taskTitles.get(task.id);
  return {
    kind: journalWord(entry.kind),
    icon: icons[entry.kind],
    who: entry.principalName,
    did: historyTexts.kinds[entry.kind],
    at: formatDateTime(entry.at, resource.reader.timeZone),
    iso: isoTime(entry.at),
    task: task && {
      text:
        taskTitle === undefined ? historyTexts.otherTask : historyTexts.task(taskTitle, task.id),
      href: taskTitle !== undefined ? url(`/tasks/${task.id}`) : null,
    },
    reason: entry.reason,
    values:
      entry.values?.map((value) =>
        shownChange(value, words, `${url(recordPath(resource, key))}/history/${entry.id}`),
      ) ?? null,
  };
}

/** `path` is where all of a value is, of which only the beginning is shown. */
export function shownChange(
  { field, before, after, cut }: ChangedValue,
  words: Words,
  path: string,
): ShownChange {
  const [was, is] = [words(field, before), words(field, after)];
  // Two that cells do not tell apart are told as they are stored.
  const isTold = was !== is || before === null || after === null;
  const whole = (side: 'before' | 'after') =>
    cut.includes(side) ? `${path}/${side}/${encodeURIComponent(field.name)}` : null;
  return {
    label: field.label,
    before: isTold ? was : before,
    after: isTold ? is : after,
    whole: { before: whole('before'), after: whole('after') },
  };
}

/** Words for stored values; ids of related records become titles where they may be seen. */
export async function valueWords(
  { registry, resource, principal }: Pick<HistoryParts, 'registry' | 'resource' | 'principal'>,
  values: readonly ChangedValue[],
): Promise<Words> {
  const titles = new Map<ResourceField, Map<string, string>>();
  for (const field of new Set(
    values.filter(({ field: { relation } }) => relation).map(({ field }) => field),
  )) {
    const target = relationTarget(resource, field);
    const ids = new Set(
      values.filter((value) => value.field === field).flatMap((value) => idsOf(value)),
    );
    if (target) titles.set(field, await relatedTitles(registry, target, principal, [...ids]));
  }
  return (field, text) => {
    if (text === null) return null;
    // What nobody types, such as bytes, is told by its size alone in a cell.
    if (field.kind === null && getFieldKind(field).input === 'none') return text;
    if (!field.relation) return shownText(text, field, resource.reader);
    return (
      idsIn(field, text)
        .map((id) => titles.get(field)?.get(id) ?? id)
        .join(', ') || null
    );
  };
}

function idsOf({ field, before, after }: ChangedValue): string[] {
  return [before, after].flatMap((text) => (text === null ? [] : idsIn(field, text)));
}

function idsIn(field: ResourceField, text: string): string[] {
  return isMany(field) ? (JSON.parse(text) as string[]) : [text];
}

/** The undo of a record's delete alone, sent where every undo is. */
export interface RestoreForm {
  action: string;
  operationId: string;
  key: string;
  label: string;
  /** For those who do not see which record it stands at. */
  name: string;
}

interface Restorable {
  key: string;
  title: string;
  task: HistoryTask | null;
}

/** Null: it cannot be brought back by this person, as far as that is known without looking. */
function restoreForm(
  {
    registry,
    resource,
    principal,
    url,
  }: Pick<HistoryParts, 'registry' | 'resource' | 'principal' | 'url'>,
  { key, title, task }: Restorable,
) {
  if (task === null || !task.isFinished || !mayUndo(resource, principal, task)) return null;
  if (!seesByResource(registry, principal, task)) return null;
  return {
    action: url(`/tasks/${task.id}/undo`),
    operationId: randomUUID(),
    key: keyToUrl(resource.model, key),
    label: historyTexts.restore,
    name: historyTexts.restoreName(title),
  };
}

/** Was putting it away the last that was done to it? */
function isPutAway({ resource, page: { entries } }: HistoryParts): boolean {
  const [last] = entries;
  return (
    resource.hooks.delete !== undefined &&
    last?.kind === journal.changed &&
    findOperation(resource, last.task?.operation ?? '')?.action === 'bulk-delete'
  );
}

function restoreOfLast(parts: HistoryParts): RestoreForm | null {
  const { resource, key, page } = parts;
  const last = page.entries[0];
  if (!last || last.values === null || last.isCascaded) return null;
  if (last.kind !== journal.deleted && !isPutAway(parts)) return null;
  return restoreForm(parts, {
    key,
    title: lastTitle(resource, page) ?? keyToUrl(resource.model, key),
    task: last.task,
  });
}

export interface DeletedData {
  title: string;
  heading: string;
  asOf: AsOf | null;
  back: { href: string; label: string };
  records: readonly {
    title: string;
    /** Null: its history is not to be seen. */
    href: string | null;
    at: string;
    iso: string;
    who: string;
    restore: RestoreForm | null;
  }[];
  older: { href: string; label: string } | null;
  words: typeof historyTexts;
}

export function deletedData(
  {
    registry,
    asOf,
    resource,
    principal,
    url,
  }: Pick<HistoryParts, 'registry' | 'asOf' | 'resource' | 'principal' | 'url'>,
  page: { records: readonly DeletedRecord[]; next: string | null },
): DeletedData {
  const heading = (
    resource.hooks.delete ? historyTexts.putAwayHeading : historyTexts.deletedHeading
  )(resource.label);
  return {
    title: heading,
    heading,
    asOf,
    back: {
      href: url(`/${resource.slug}`),
      label: historyTexts.back(resource.label.toLowerCase()),
    },
    records: page.records.map(({ key, title, at, principalName, task, isKept }) => ({
      title: title || keyToUrl(resource.model, key),
      href:
        resource.hooks.delete && resource.scope(principal) !== null
          ? null
          : url(`${recordPath(resource, key)}/history`),
      at: formatDateTime(at, resource.reader.timeZone),
      iso: isoTime(at),
      who: historyTexts.deletedBy(principalName),
      restore: isKept
        ? restoreForm(
            { registry, resource, principal, url },
            { key, title: title || keyToUrl(resource.model, key), task },
          )
        : null,
    })),
    older: page.next
      ? {
          href: url(`/${resource.slug}/deleted?before=${page.next}`),
          label: historyTexts.deletedOlder,
        }
      : null,
    words: historyTexts,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'records/history': HistoryData;
    'records/deleted': DeletedData;
  }
}
