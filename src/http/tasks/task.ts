import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import { readerOf } from '../../fields/reader.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { WritePath } from '../../operations/write-path.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import { isOurs } from '../../task-definitions/task-definitions.ts';
import type { MapCell } from '../../tasks/looking/chunk-map.ts';
import {
  isAllOrNothing,
  isUnknownToAll,
  progressOf,
  successOf,
  withoutWorkerSince,
  workedMs,
} from '../../tasks/looking/progress.ts';
import type { ChunkRow, EventRow, FailureGroup, Untold } from '../../tasks/looking/queries.ts';
import type { MatchedCounts } from '../../tasks/matching/matched.ts';
import { type AlterationGroup, listAlterations } from '../../tasks/running/alterations.ts';
import { isFinished } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { formatDateTime, formatNumber, formatSpan, formatTimestamp, isoTime } from '../format.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { type ChunkMapData, chunkMapData } from './chunk-map.ts';
import { type DueTimeForm, dueTimeForm } from './due-time.ts';
import type { KeptPreviewData } from './kept-preview.ts';
import { type MatchedData, matchedData } from './matched.ts';
import { type OwnDetails, type OwnParts, ownDetails } from './own-details.ts';
import {
  type CountInWords,
  countsOf,
  type EndedData,
  finishedData,
  type ProgressData,
  progressData,
  resourceLabel,
} from './progress.ts';
import { rawRowTexts } from './raw-row-texts.ts';
import type { RelatedData } from './related.ts';
import type { RetryForm, TaskActions } from './task-actions.ts';
import { findResource, type ShownFilter } from './task-filter.ts';
import type { NamedTask } from './task-title.ts';
import { taskTexts } from './tasks-texts.ts';

export interface Fact {
  label: string;
  value: string;
  iso?: string;
}

export interface RefusedRecord {
  title: string;
  href: string | null;
}

export interface RefusalGroup {
  message: string;
  countText: string;
  records: readonly RefusedRecord[];
  moreText: string | null;
  retry: RetryForm | null;
  list: { href: string; label: string } | null;
}

/** The part of a task's page that is live. */
export interface TaskDetailsData extends OwnDetails {
  elementId: string;
  /** Null once it has finished. */
  pollUrl: string | null;
  facts: readonly Fact[];
  counts: readonly CountInWords[];
  actions: TaskActions;
  errors: { heading: string; total: string; groups: readonly RefusalGroup[] } | null;
  alterations: {
    heading: string;
    total: string;
    note: string;
    groups: readonly {
      message: string;
      countText: string;
      records: readonly RefusedRecord[];
      moreText: string | null;
    }[];
  } | null;
  /** What an own task returned; null: nothing, or it is bulk work. */
  result: { heading: string; text: string } | null;
  /** Hooks that were told of it in vain; null: none. */
  untold: { heading: string; lines: readonly string[] } | null;
  map: ChunkMapData | null;
  /** What became of the tasks that matched; null: it acts on none. */
  matched: MatchedData | null;
  /** Null: it has none. */
  chunks: {
    heading: string;
    summary: string;
    latestText: string | null;
    emptyText: string;
    columns: typeof taskTexts.chunkColumns;
    lines: readonly {
      number: string;
      href: string;
      state: string;
      isDone: boolean;
      records: string;
      range: string;
      counts: readonly CountInWords[];
      took: string;
    }[];
  } | null;
  events: {
    heading: string;
    lines: readonly {
      label: string;
      badge: Badge;
      at: string;
      iso: string;
      reason: string | null;
      after: string | null;
    }[];
  };
}

export interface TaskPageData {
  title: string;
  id: number;
  badge: Badge;
  resource: string;
  parameters: readonly string[];
  /** Null: it is about none. */
  records: string | null;
  /** Why, in the words of whoever launched it. */
  reason: string | null;
  list: { href: string; label: string } | null;
  /** To the list as it was. */
  allTasks: { href: string; label: string };
  /** To the row as it is, for those who see every task. */
  row: { href: string; label: string } | null;
  dueTime: DueTimeForm | null;
  progress: ProgressData | null;
  ended: EndedData | null;
  details: TaskDetailsData;
  /** What was shown before it was confirmed; null: nothing. */
  shownBefore: KeptPreviewData | null;
  /** Others that belong to it; null: none. */
  related: RelatedData | null;
  refreshes: boolean;
  words: { what: string; whichRecords: string; why: string };
}

export interface TaskParts {
  chunks: readonly ChunkRow[];
  cells: readonly MapCell[];
  failures: readonly FailureGroup[];
  alterations: readonly ShownAlteration[];
  events: readonly EventRow[];
  untold: readonly Untold[];
  titles: ReadonlyMap<string, string>;
  actions: TaskActions;
  own: OwnParts;
  matched: MatchedCounts | null;
}

export function taskPageData(
  task: NamedTask,
  parts: TaskParts,
  parameters: readonly string[],
  filter: ShownFilter,
  {
    now,
    url,
    registry,
    principal,
    resource,
    listSearch,
    seesRow,
    shownBefore,
    related,
    typedTime = null,
  }: {
    now: Date;
    url: Url;
    registry: ResourceRegistry;
    principal: Principal;
    resource: Resource | null;
    /** Of the list that led here. */
    listSearch: string;
    seesRow: boolean;
    shownBefore: KeptPreviewData | null;
    related: RelatedData | null;
    /** For its time, and refused. */
    typedTime?: string | null;
  },
): TaskPageData {
  const finished = isFinished(task.state);
  const label = resourceLabel(registry.list, task.resource);
  return {
    title: task.title,
    id: task.id,
    badge: badgeOf(task.state),
    resource: label,
    parameters,
    records: recordsInWords(task, filter.words),
    reason: task.changeReason,
    list:
      resource && !task.selection?.isByCode
        ? {
            href: url(`/${resource.slug}${filter.text === '' ? '' : `?${filter.text}`}`),
            label: taskTexts.backToList(label),
          }
        : null,
    allTasks: {
      href: url(`/tasks${listSearch}`),
      label: listSearch === '' ? taskTexts.allTasks : taskTexts.backToTasks,
    },
    row: seesRow ? { href: url(`/tasks/${task.id}/row`), label: rawRowTexts.link } : null,
    dueTime: dueTimeForm(task, {
      url,
      timeZone: readerOf(principal).timeZone,
      typed: typedTime,
    }),
    progress: finished
      ? null
      : progressData(task, { now, url, reader: readerOf(principal) }, 'task'),
    ended: finished
      ? { ...finishedData(task, now, url, 'task'), undone: parts.actions.undone }
      : null,
    details: taskDetailsData(task, parts, { now, url, resource, principal }),
    shownBefore,
    related,
    // What is typed into a form would go.
    refreshes: !finished && task.state !== 'scheduled',
    words: { what: taskTexts.what, whichRecords: taskTexts.whichRecords, why: taskTexts.why },
  };
}

export function taskDetailsData(
  task: TaskRow,
  {
    chunks,
    cells,
    failures,
    alterations,
    events,
    untold,
    titles,
    actions,
    own,
    matched,
  }: TaskParts,
  {
    now,
    url,
    resource,
    principal,
  }: { now: Date; url: Url; resource: Resource | null; principal: Principal },
): TaskDetailsData {
  const { timeZone } = readerOf(principal);
  const refused = failures.reduce((sum, { count }) => sum + count, 0);
  return {
    elementId: `task-${task.id}-details`,
    pollUrl: isFinished(task.state) ? null : url(`/tasks/${task.id}/details`),
    facts: factsOf(task, now, timeZone),
    counts: countsOf(task),
    actions,
    errors:
      failures.length === 0
        ? null
        : {
            heading: taskTexts.errors,
            total: taskTexts.records(refused),
            groups: failures.map(({ message, code, count, keys }) => ({
              message,
              countText: taskTexts.records(count),
              records: keys.map((key) => refusedRecord(key, titles, resource, url)),
              moreText: count > keys.length ? taskTexts.errorsMore(count - keys.length) : null,
              retry: actions.retryOf.get(code) ?? null,
              list: actions.failures && {
                ...actions.failures,
                href: `${actions.failures.href}?${new URLSearchParams({ code })}`,
              },
            })),
          },
    alterations:
      alterations.length === 0
        ? null
        : {
            heading: taskTexts.alterations,
            total: taskTexts.records(task.altered),
            note: taskTexts.alterationsNote,
            groups: alterations.map((group) => alterationLine(group, task, url)),
          },
    result: resultOf(task),
    untold:
      untold.length === 0
        ? null
        : {
            heading: taskTexts.untold,
            lines: untold.map(({ hook, event, attempts, parkedAt }) =>
              taskTexts.untoldLine(hook, event, attempts, formatTimestamp(parkedAt, now, timeZone)),
            ),
          },
    ...ownDetails(own, { now, url, timeZone }),
    map: chunkMapData(task, cells, url),
    matched: matchedData(task, matched, url),
    chunks:
      task.kind === 'own'
        ? null
        : {
            heading: taskTexts.chunks,
            summary:
              task.chunkCount === 0 ? '' : taskTexts.chunksDone(task.chunksDone, task.chunkCount),
            latestText:
              task.chunkCount > chunks.length ? taskTexts.chunksLatest(chunks.length) : null,
            emptyText: taskTexts.chunksNone,
            columns: taskTexts.chunkColumns,
            lines: chunks.map((chunk) => chunkLine(task, chunk, resource, url)),
          },
    events: { heading: taskTexts.events, lines: eventLines(events, now, timeZone) },
  };
}

function resultOf({ kind, result, operation }: TaskRow): TaskDetailsData['result'] {
  // What Bulkhead's own return is told in words.
  if (kind !== 'own' || result === null || isOurs(operation)) return null;
  const text = typeof result === 'string' ? result : JSON.stringify(result, null, 2);
  return { heading: taskTexts.own.result, text };
}

/**
 * Titles of the records that a page of a task names; one statement, none when nothing was refused.
 */
export async function refusedTitles(
  registry: ResourceRegistry,
  principal: Principal,
  task: TaskRow,
  failures: readonly FailureGroup[],
): Promise<Map<string, string>> {
  const resource = findResource(registry, principal, task);
  const keys = [...new Set(failures.flatMap((group) => group.keys))].slice(0, 1000);
  return resource && keys.length > 0 ? titlesOf(registry, resource, principal, keys) : new Map();
}

export function refusedRecord(
  key: string,
  titles: ReadonlyMap<string, string>,
  resource: Resource | null,
  url: Url,
): RefusedRecord {
  if (!resource) return { title: key, href: null };
  const id = keyToUrl(resource.model, key);
  const title = titles.get(key);
  return {
    title: title ?? id,
    href: title === undefined ? null : url(`/${resource.slug}/${encodeURIComponent(id)}/edit`),
  };
}

function alterationLine(
  { count, keys, isBeside, resource, label, titles }: ShownAlteration,
  task: TaskRow,
  url: Url,
) {
  const field = label ?? taskTexts.hiddenField;
  const named =
    resource && resource.model.name !== task.model
      ? taskTexts.alterationOf(resource.label, field)
      : field;
  return {
    message: (isBeside ? taskTexts.alterationBeside : taskTexts.alteration)(named),
    countText: taskTexts.records(count),
    records: keys.map((key) => refusedRecord(key, titles, resource, url)),
    moreText: count > keys.length ? taskTexts.errorsMore(count - keys.length) : null,
  };
}

function chunkLine(task: TaskRow, chunk: ChunkRow, resource: Resource | null, url: Url) {
  const name = (key: string) => (resource ? keyToUrl(resource.model, key) : key);
  const idle = { ...task, total: 0, done: 0, conflicted: 0, altered: 0 };
  const { changed, unchanged, failed, gone, keptBack } = chunk;
  return {
    number: String(chunk.number + 1),
    href: url(`/tasks/${task.id}/chunks/${chunk.number}`),
    state: taskTexts.chunkStates[chunk.state],
    isDone: chunk.state === 'done',
    records: String(chunk.size),
    range:
      chunk.firstKey === chunk.lastKey
        ? name(chunk.firstKey)
        : `${name(chunk.firstKey)} – ${name(chunk.lastKey)}`,
    counts:
      chunk.state === 'done'
        ? countsOf({ ...idle, changed, unchanged, failed, gone, keptBack })
        : [],
    took: chunk.durationMs === null ? '' : formatSpan(chunk.durationMs),
  };
}

function eventLines(events: readonly EventRow[], now: Date, timeZone: string) {
  return events.map((event, index) => {
    const previous = events[index - 1];
    return {
      label: taskTexts.states[event.state],
      badge: badgeOf(event.state),
      at: formatTimestamp(event.at, now, timeZone),
      iso: isoTime(event.at),
      reason: becauseOf(event),
      after: previous ? formatSpan(event.at.getTime() - previous.at.getTime()) : null,
    };
  });
}

function becauseOf({ reason, by }: EventRow): string | null {
  const why = reason === null ? null : (taskTexts.reasons[reason] ?? reason);
  return by === null ? why : taskTexts.eventBy(why, by);
}

function factsOf(task: TaskRow, now: Date, timeZone: string): Fact[] {
  const { facts } = taskTexts;
  const at = (label: string, date: Date | null): Fact =>
    date
      ? { label, value: formatDateTime(date, timeZone), iso: isoTime(date) }
      : { label, value: taskTexts.notYet };
  const list: Fact[] = [
    { label: facts.by, value: task.principalName },
    at(facts.asked, task.createdAt),
  ];
  if (task.startedAt) list.push(at(facts.started, task.startedAt));
  if (task.finishedAt) list.push(at(facts.finished, task.finishedAt));
  else if (task.startedAt) list.push(at(facts.lastSign, task.updatedAt));
  const waited = (task.startedAt ?? task.finishedAt ?? now).getTime() - task.createdAt.getTime();
  if (task.backend !== inlineName) list.push({ label: facts.waited, value: formatSpan(waited) });
  if (task.startedAt) {
    const worked = workedMs(task, now);
    const idle = (task.finishedAt ?? now).getTime() - task.startedAt.getTime() - worked;
    list.push({ label: facts.took, value: formatSpan(worked) });
    if (idle >= 1_000) list.push({ label: facts.idle, value: formatSpan(idle) });
  }
  if (task.locksOffReason !== null)
    list.push({ label: facts.locks, value: taskTexts.withoutLocks(task.locksOffReason) });
  if (task.kind === 'own') {
    if (task.onFinished)
      list.push({ label: taskTexts.own.onFinished, value: nextOf(task.onFinished) });
    list.push({ label: facts.backend, value: ranBy(task) });
    if (task.failedAttempts > 0)
      list.push({
        label: taskTexts.own.failedAttempts,
        value: formatNumber(task.failedAttempts),
      });
    return list;
  }
  const kept =
    isAllOrNothing(task) || task.isAtomic ? taskTexts.allOrNothing : taskTexts.goodOnesKept;
  list.push({ label: facts.backend, value: `${ranBy(task)}, ${kept}` });
  list.push({
    label: facts.way,
    value: taskTexts.ways[task.writeThrough as WritePath] ?? task.writeThrough,
  });
  if (task.parallelism > 1)
    list.push({ label: facts.parallelism, value: formatNumber(task.parallelism) });
  return list;
}

function nextOf({ title, taskId }: NonNullable<TaskRow['onFinished']>): string {
  return taskId === null
    ? taskTexts.own.launchesNext(title)
    : taskTexts.own.launchedNext(title, taskId);
}

function recordsInWords(
  { selection, total, expected }: TaskRow,
  filter: string | null,
): string | null {
  if (selection === null) return null;
  if (selection.isByCode) {
    const chosen = taskTexts.chosenByCode.toLowerCase();
    return total === null ? chosen : `${taskTexts.records(total)}: ${chosen}`;
  }
  const count = taskTexts.records(total ?? expected ?? 0);
  if (selection.kind === 'ticked') return `${count}: ${taskTexts.ticked.toLowerCase()}`;
  if (selection.kind === 'refused') return `${count}: ${taskTexts.refusedBefore}`;
  if (selection.kind === 'changed') return `${count}: ${taskTexts.changedBefore}`;
  const words =
    filter === null
      ? taskTexts.matchingHidden
      : filter === ''
        ? taskTexts.matchingAll
        : taskTexts.matching(filter);
  const left = selection.exclusions?.length ?? 0;
  return `${count}: ${words.charAt(0).toLowerCase()}${words.slice(1)}${left > 0 ? `, ${taskTexts.excluding(left)}` : ''}`;
}

/** Fields that triggers altered, as their reader may see them. */
export interface ShownAlteration extends AlterationGroup {
  /** Null: not the reader's to see. */
  resource: Resource | null;
  label: string | null;
  titles: ReadonlyMap<string, string>;
}

/** One statement, and one for each model that it names; none where nothing was altered. */
export async function shownAlterations(
  db: Database,
  registry: ResourceRegistry,
  principal: Principal,
  task: TaskRow,
): Promise<ShownAlteration[]> {
  if (!(task.altered > 0)) return [];
  const groups = await listAlterations(db, task.id);
  const own = findResource(registry, principal, task);
  const resources = new Map(
    groups.map(
      ({ model }) => [model, model === task.model ? own : (own?.related(model) ?? null)] as const,
    ),
  );
  const titles = new Map<string, Map<string, string>>();
  for (const [model, resource] of resources) {
    const keys = [
      ...new Set(groups.filter((group) => group.model === model).flatMap((group) => group.keys)),
    ].slice(0, 1000);
    if (resource) titles.set(model, await titlesOf(registry, resource, principal, keys));
  }
  return groups.map((group) => {
    const resource = resources.get(group.model) ?? null;
    const shown = resource?.fields.find(
      ({ meta, name }) => meta.name === group.field || name === group.field,
    );
    const isUnknown = resource !== null && resource.model.fields[group.field] === undefined;
    return {
      ...group,
      resource,
      label: shown?.label ?? (isUnknown ? group.field : null),
      titles: titles.get(group.model) ?? new Map(),
    };
  });
}

/** A task as programs read it. */
export interface TaskJson {
  id: number;
  state: string;
  title: string;
  /** Null: a task of the project's own, which is about no resource. */
  resource: string | null;
  operation: string;
  done: number;
  total: number;
  percent: number;
  counts: {
    changed: number;
    unchanged: number;
    failed: number;
    gone: number;
    conflicted: number;
    keptBack: number;
  };
  /** Of an undo: records that triggers altered as they were put back. */
  altered: number;
  /**
   * Where one task is asked for: in which fields, with the first records of each; a field that may
   * not be seen is null.
   */
  alterations?: readonly {
    model: string;
    field: string | null;
    isBeside: boolean;
    count: number;
    records: readonly string[];
  }[];
  /** Null while unfinished. */
  success: boolean | null;
  error: { reason: string; message: string | null } | null;
  /** Why, in the words of whoever launched it. */
  changeReason: string | null;
  /** Records per second and seconds left, while somebody is at it. */
  rate: number | null;
  secondsLeft: number | null;
  /**
   * That no worker is alive to go on with it, and since when as far as it is known; null: one is,
   * or none is needed.
   */
  noWorker: { since: string | null } | null;
  /** Workers are alive, and none of them knows what it is about. */
  isUnknown: boolean;
  /** Who has seen to what failed, and when. */
  acknowledged: { by: string; at: string } | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
}

export function taskJson(
  task: TaskRow,
  now: Date,
  alterations?: readonly ShownAlteration[],
): TaskJson {
  const { done, total, percent, rate, secondsLeft } = progressOf(task, now);
  const away = withoutWorkerSince(task);
  const isRunning = task.state === 'running';
  const { changed, unchanged, failed, gone, conflicted, keptBack } = task;
  const success = successOf(task);
  return {
    id: task.id,
    state: task.state,
    title: task.title,
    resource: task.resource,
    operation: task.operation,
    done,
    total,
    percent,
    counts: { changed, unchanged, failed, gone, conflicted, keptBack },
    altered: task.altered,
    ...(alterations && { alterations: alterations.map(alterationJson) }),
    success,
    changeReason: task.changeReason,
    acknowledged: task.acknowledgedAt && {
      by: task.acknowledgedBy ?? '',
      at: task.acknowledgedAt.toISOString(),
    },
    rate: isRunning ? rate : null,
    secondsLeft: isRunning ? secondsLeft : null,
    noWorker: away === undefined ? null : { since: away?.toISOString() ?? null },
    isUnknown: isUnknownToAll(task),
    error: success === false ? { reason: task.reason ?? task.state, message: task.message } : null,
    createdAt: task.createdAt.toISOString(),
    startedAt: task.startedAt?.toISOString() ?? null,
    finishedAt: task.finishedAt?.toISOString() ?? null,
    updatedAt: task.updatedAt.toISOString(),
  };
}

function alterationJson({ model, field, label, isBeside, count, keys, resource }: ShownAlteration) {
  const records = resource ? keys.map((key) => keyToUrl(resource.model, key)) : [];
  return { model, field: label === null ? null : field, isBeside, count, records };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/show': TaskPageData;
    'tasks/_details': TaskDetailsData;
  }
}

function ranBy({ backend }: TaskRow): string {
  if (backend === inlineName) return taskTexts.atOnce;
  return taskTexts.backends[backend] ?? taskTexts.otherBackend(backend);
}
