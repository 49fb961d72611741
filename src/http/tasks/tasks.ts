import type { Principal } from '../../auth/principal.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import type { Resource } from '../../resources/contract.ts';
import type { OfferedButton } from '../../tasks/launching/launch-buttons.ts';
import { withoutWorkerSince, workedMs } from '../../tasks/looking/progress.ts';
import type { ListedTask, TaskPage } from '../../tasks/looking/queries.ts';
import { isFinished, type TaskState, taskStates } from '../../tasks/states.ts';
import { canSelect } from '../controls/can-select.ts';
import { formatDateTime, formatSpan, formatTimestamp, isoTime } from '../format-span.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { type LaunchButtonData, launchButtons } from './launch.ts';
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
  /** What its state alone would not say. */
  note: string | null;
  /** Of the project's columns. */
  cells: readonly { label: string; text: string }[];
}

/** The part of the dashboard that is live. */
export interface TaskListData {
  lines: readonly TaskLine[];
  /** Null: nothing on the page is unfinished, so it stays silent. */
  pollUrl: string | null;
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
  states: readonly { label: string; href: string; isCurrent: boolean; badge: Badge | null }[];
  list: TaskListData;
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

export interface TasksQuery {
  state?: TaskState | undefined;
  page: number;
}

const offeredStates = Object.keys(taskStates) as TaskState[];

export function tasksPageData(
  list: TaskListData,
  {
    seen,
    query,
    buttons,
    hasSchedules,
    hasDeliveries,
    hasPreferences,
    url,
  }: {
    seen: readonly string[] | null;
    query: TasksQuery;
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
    states: [
      { label: taskTexts.anyState, href: url('/tasks'), isCurrent: !query.state, badge: null },
      ...offeredStates.map((state) => ({
        label: taskTexts.states[state],
        href: url(`/tasks?state=${state}`),
        isCurrent: query.state === state,
        badge: badgeOf(state),
      })),
    ],
    list,
    schedules: hasSchedules ? { href: url('/tasks/schedules'), label: taskTexts.schedules } : null,
    deliveries: hasDeliveries
      ? { href: url('/tasks/deliveries'), label: taskTexts.deliveries }
      : null,
    preferences: hasPreferences
      ? { href: url('/tasks/notices/preferences'), label: taskTexts.preferences }
      : null,
    buttons: launchButtons(buttons, url),
    refreshes: list.pollUrl !== null,
  };
}

function introOf(seen: readonly string[] | null): string {
  const { all, own, some } = taskTexts.intro;
  if (seen === null) return all;
  return seen.length === 0 ? own : some;
}

export function taskListData(
  { tasks, total }: TaskPage,
  { query, ...parts }: { query: TasksQuery } & LineParts,
): TaskListData {
  const { url, resources, principal, columns } = parts;
  const isLive = tasks.some((task) => !isFinished(task.state));
  const lastPage = Math.max(1, Math.ceil(total / limits.shown.tasks));
  const from = (query.page - 1) * limits.shown.tasks;
  return {
    lines: tasks.map((task) => taskLine(task, parts)),
    pollUrl: isLive ? url(`/tasks/list${search(query, query.page)}`) : null,
    emptyText: query.state
      ? taskTexts.noneOfState
      : resources.some((one) => canSelect(one, principal))
        ? taskTexts.none
        : taskTexts.noneForViewers,
    labels: columns?.labels ?? [],
    showAllUrl: query.state ? url('/tasks') : null,
    paging:
      lastPage === 1 && query.page === 1
        ? null
        : {
            text: taskTexts.pageOf(from + (tasks.length > 0 ? 1 : 0), from + tasks.length, total),
            previous:
              query.page > 1
                ? url(`/tasks${search(query, Math.min(query.page - 1, lastPage))}`)
                : null,
            next: query.page < lastPage ? url(`/tasks${search(query, query.page + 1)}`) : null,
          },
    words: {
      ...taskTexts.columns,
      showAll: taskTexts.showAll,
      previous: taskTexts.previous,
      next: taskTexts.next,
      pages: taskTexts.pages,
    },
  };
}

function search({ state }: TasksQuery, page: number): string {
  const parameters = new URLSearchParams();
  if (state) parameters.set('state', state);
  if (page > 1) parameters.set('_page', String(page));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

export interface LineParts {
  now: Date;
  url: Url;
  resources: readonly Resource[];
  /** Who reads. */
  principal: Principal;
  /** Left out: none is shown. */
  columns?: OwnColumns;
}

export function taskLine(
  task: ListedTask,
  { now, url, resources, principal, columns }: LineParts,
): TaskLine {
  const progress = shownProgress(task, now);
  const when = task.startedAt ?? task.createdAt;
  const away = withoutWorkerSince(task);
  const { timeZone } = readerOf(principal);
  return {
    id: task.id,
    title: task.title,
    href: url(`/tasks/${task.id}`),
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
    cells: columns?.cellsOf(task.id) ?? [],
    note:
      away === undefined
        ? null
        : taskTexts.noWorkerShort(away && formatTimestamp(away, now, timeZone)),
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/index': TasksPageData;
    'tasks/_list': TaskListData;
  }
}
