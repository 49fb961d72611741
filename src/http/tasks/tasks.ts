import type { Principal } from '../../auth/principal.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import type { Resource } from '../../resources/contract.ts';
import type { OfferedButton } from '../../tasks/launching/launch-buttons.ts';
import type { ListedTask, StateCounts, TaskPage } from '../../tasks/looking/find-tasks.ts';
import {
  isHeldUp,
  isUnknownToAll,
  withoutWorkerSince,
  workedMs,
} from '../../tasks/looking/progress.ts';
import { isFiltered, type TasksQuery, tasksSearch } from '../../tasks/looking/tasks-query.ts';
import { isFinished, type TaskState, taskStates } from '../../tasks/states.ts';
import { canSelect } from '../controls/can-select.ts';
import { formatDateTime, formatSpan, formatTimestamp, isoTime } from '../format-span.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import type { DashboardFilter } from './dashboard-filter.ts';
import { dashboardTexts } from './dashboard-filter-texts.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import { type LaunchButtonData, launchButtons } from './launch.ts';
import type { MatchingLinks } from './matching.ts';
import type { OwnColumns } from './own-columns.ts';
import {
  type Bar,
  barOf,
  type CountInWords,
  countsOf,
  resourceLabel,
  shownProgress,
  totalOf,
} from './progress.ts';
import { kindTexts } from './task-kinds.ts';
import { taskTexts } from './tasks-texts.ts';

export interface TaskLine {
  id: number;
  title: string;
  href: string;
  resource: string;
  badge: Badge;
  who: string;
  when: string;
  whenIso: string;
  took: string | null;
  bar: Bar;
  percentText: string;
  doneText: string;
  counts: readonly CountInWords[];
  isFinished: boolean;
  reason: string | null;
  /** That all it changed was taken back. */
  undone: string | null;
  /** That somebody has seen to what failed. */
  acknowledged: string | null;
  /** What its state alone would not say. */
  note: string | null;
  /** Of the project's columns. */
  cells: readonly { label: string; text: string }[];
}

/** The part of the dashboard that is live. */
export interface TaskListData {
  lines: readonly TaskLine[];
  /** Null: nothing on the page is unfinished, so it stays silent. */
  live: string | null;
  emptyText: string;
  showAllUrl: string | null;
  /** Of the project's columns. */
  labels: readonly string[];
  paging: { text: string; previous: string | null; next: string | null } | null;
  words: typeof taskTexts.columns & {
    showAll: string;
    previous: string;
    next: string;
    pages: string;
  };
}

export interface TasksPageData {
  title: string;
  intro: string;
  filterLabel: string;
  states: readonly StateLink[];
  filter: DashboardFilter;
  /** What can be done to all that match; null: nothing, or it is filtered by nothing. */
  matching: MatchingLinks | null;
  list: TaskListData;
  /** To how tasks fare. */
  overview: { href: string; label: string };
  /** To the page of schedules, where there are any for the reader. */
  schedules: { href: string; label: string } | null;
  /** To who was told of tasks, where that is for the reader. */
  deliveries: { href: string; label: string } | null;
  /** To how the reader is told, where no bell leads there. */
  preferences: { href: string; label: string } | null;
  /** What launches tasks of the project's own. */
  buttons: readonly LaunchButtonData[];
  /** Whether a page without JavaScript should load itself again. */
  refreshes: boolean;
}

/** To the tasks of one state, or of all, with how many match. */
export interface StateLink {
  label: string;
  /** Empty: none. */
  count: string;
  href: string;
  isCurrent: boolean;
  badge: Badge | null;
}

/** How many match: of more than `limit` it is told that there are more. */
export interface TaskCounts {
  ofState: StateCounts;
  /** Of these, those that nobody has seen to; null: they are not counted along. */
  unacknowledged: StateCounts | null;
  limit: number;
}

const offeredStates = Object.keys(taskStates) as TaskState[];

export function tasksPageData(
  list: TaskListData,
  {
    seen,
    query,
    counts,
    filter,
    matching,
    buttons,
    hasSchedules,
    hasDeliveries,
    hasPreferences,
    url,
  }: {
    seen: readonly string[] | null;
    query: TasksQuery;
    counts: TaskCounts;
    filter: DashboardFilter;
    matching: MatchingLinks | null;
    buttons: readonly OfferedButton[];
    hasSchedules: boolean;
    hasDeliveries: boolean;
    hasPreferences: boolean;
    url: Url;
  },
): TasksPageData {
  return {
    title: taskTexts.heading,
    filterLabel: taskTexts.filterLabel,
    intro: introOf(seen),
    states: stateLinks(query, counts, url),
    filter,
    matching: matching && matching.links.length > 0 ? matching : null,
    list,
    overview: { href: url('/tasks/overview'), label: taskTexts.overview },
    schedules: hasSchedules ? { href: url('/tasks/schedules'), label: taskTexts.schedules } : null,
    deliveries: hasDeliveries
      ? { href: url('/tasks/deliveries'), label: taskTexts.deliveries }
      : null,
    preferences: hasPreferences
      ? { href: url('/tasks/notices/preferences'), label: taskTexts.preferences }
      : null,
    buttons: launchButtons(buttons, url),
    refreshes: list.live !== null,
  };
}

function stateLinks(query: TasksQuery, counts: TaskCounts, url: Url): StateLink[] {
  const link = (label: string, states: readonly TaskState[], badge: Badge | null): StateLink => {
    const { value, isExact } = totalOfStates(counts, states);
    const count = value === 0 ? '' : inWords(value, isExact);
    return {
      label,
      count,
      href: url(`/tasks${tasksSearch({ ...query, states, page: 1 })}`),
      isCurrent:
        query.states.length === states.length && states.every((one) => query.states.includes(one)),
      badge,
    };
  };
  return [
    link(taskTexts.anyState, [], null),
    ...offeredStates.map((state) => link(taskTexts.states[state], [state], badgeOf(state))),
  ];
}

/** Of these states, or of any; not exact: at least so many. */
export function totalOfStates(
  { ofState, limit }: TaskCounts,
  states: readonly TaskState[],
): { value: number; isExact: boolean } {
  const counted = (states.length === 0 ? offeredStates : states).map(
    (one) => ofState.get(one) ?? 0,
  );
  const sum = counted.reduce((total, count) => total + count, 0);
  return sum > limit ? { value: limit, isExact: false } : { value: sum, isExact: true };
}

function inWords(value: number, isExact: boolean): string {
  return (isExact ? dashboardTexts.count : dashboardTexts.moreThan)(value);
}

function introOf(seen: readonly string[] | null): string {
  const { all, own, some } = taskTexts.intro;
  if (seen === null) return all;
  return seen.length === 0 ? own : some;
}

export function taskListData(
  { tasks, hasNext }: TaskPage,
  { query, counts, ...parts }: { query: TasksQuery; counts: TaskCounts } & LineParts,
): TaskListData {
  const { url, resources, principal, columns } = parts;
  const isLive = tasks.some((task) => !isFinished(task.state));
  const from = (query.page - 1) * limits.shown.tasks;
  const { value, isExact } = totalOfStates(counts, query.states);
  const lastPage = Math.max(1, Math.ceil(value / limits.shown.tasks));
  const pageAt = (page: number) => url(`/tasks${tasksSearch({ ...query, page })}`);
  // Pages go as far as is counted.
  const isLast = query.page >= lastPage;
  return {
    lines: tasks.map((task) => taskLine(task, { ...parts, listSearch: tasksSearch(query) })),
    live: isLive ? `list=${encodeURIComponent(tasksSearch(query))}` : null,
    emptyText: isFiltered(query)
      ? dashboardTexts.none
      : resources.some((one) => canSelect(one, principal))
        ? taskTexts.none
        : taskTexts.noneForViewers,
    labels: columns?.labels ?? [],
    showAllUrl: isFiltered(query) ? url('/tasks') : null,
    paging:
      !hasNext && query.page === 1
        ? null
        : {
            text: dashboardTexts.pageFrom(
              from + (tasks.length > 0 ? 1 : 0),
              from + tasks.length,
              inWords(value, isExact),
            ),
            previous: query.page > 1 ? pageAt(Math.min(query.page - 1, lastPage)) : null,
            next: hasNext && !isLast ? pageAt(query.page + 1) : null,
          },
    words: {
      ...taskTexts.columns,
      showAll: taskTexts.showAll,
      previous: query.sort === 'newest' ? taskTexts.previous : dashboardTexts.previous,
      next: query.sort === 'newest' ? taskTexts.next : dashboardTexts.next,
      pages: taskTexts.pages,
    },
  };
}

export interface LineParts {
  now: Date;
  url: Url;
  resources: readonly Resource[];
  /** Who reads. */
  principal: Principal;
  /** Left out: none is shown. */
  columns?: OwnColumns;
  /** What the list is of, for the way back to it. */
  listSearch?: string;
}

export function taskLine(
  task: ListedTask,
  { now, url, resources, principal, columns, listSearch = '' }: LineParts,
): TaskLine {
  const progress = shownProgress(task, now);
  const when = task.startedAt ?? task.createdAt;
  const away = withoutWorkerSince(task);
  const { timeZone } = readerOf(principal);
  return {
    id: task.id,
    title: task.title,
    href: url(
      `/tasks/${task.id}${listSearch === '' ? '' : `?${new URLSearchParams({ _list: listSearch.slice(1) })}`}`,
    ),
    resource: resourceLabel(resources, task.resource),
    badge: badgeOf(task.state),
    who: task.principalName,
    when: formatDateTime(when, timeZone),
    whenIso: isoTime(when),
    took: task.startedAt && task.finishedAt ? formatSpan(workedMs(task, now)) : null,
    bar: barOf(task, now),
    percentText: totalOf(task) === null ? '' : taskTexts.percent(progress.percent),
    doneText: kindTexts(task).doneText(progress.done, totalOf(task)),
    counts: countsOf(task),
    isFinished: isFinished(task.state),
    reason: task.changeReason === null ? null : taskTexts.because(task.changeReason),
    undone: task.isUndone ? taskTexts.undone : null,
    acknowledged:
      task.acknowledgedBy === null ? null : followUpTexts.acknowledged(task.acknowledgedBy),
    cells: columns?.cellsOf(task.id) ?? [],
    note:
      task.queuePause && isHeldUp(task)
        ? taskTexts.queuePausedShort(
            task.queuePause.by,
            formatTimestamp(new Date(task.queuePause.at), now, timeZone),
          )
        : away === undefined
          ? isUnknownToAll(task)
            ? taskTexts.unknownShort
            : null
          : taskTexts.noWorkerShort(away && formatTimestamp(away, now, timeZone)),
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/index': TasksPageData;
    'tasks/_list': TaskListData;
  }
}
