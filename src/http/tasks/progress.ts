import type { Reader } from '../../fields/reader.ts';
import { undoneAnywhere, wordsOf } from '../../operations/operations.ts';
import { inlineName } from '../../queue/backend.ts';
import { bulkQueue } from '../../queue-names.ts';
import type { Resource } from '../../resources/contract.ts';
import {
  isAllOrNothing,
  isHeldUp,
  isUnknownToAll,
  type Progress,
  progressOf,
  withoutWorkerSince,
} from '../../tasks/looking/progress.ts';
import { isFinished, type TaskState } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { formatNumber } from '../format.ts';
import { formatSpan, formatTimestamp } from '../format-span.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import { kindTexts } from './task-kinds.ts';
import type { Naming } from './task-title.ts';
import { taskTexts } from './tasks-texts.ts';

/** One count of what happened to records, in words. */
export interface CountInWords {
  text: string;
  tone: 'plain' | 'success' | 'warning' | 'error';
}

export interface Bar {
  value: number;
  max: number;
  /** False while it is not known how far it is. */
  isKnown: boolean;
  label: string;
}

/** The live piece of a task that is not finished. */
export interface ProgressData {
  elementId: string;
  /** What `public/live.js` asks for; null: what stands around it is asked for. */
  live: string | null;
  /** Null: the task is somebody else's, or this is its page. */
  taskUrl: string | null;
  cancelUrl: string;
  canCancel: boolean;
  /** Pause, or resume where it is paused. */
  pause: { name: 'pause' | 'resumption'; url: string; label: string; icon: string } | null;
  title: string;
  /** What the task does; null where that stands above already. */
  caption: string | null;
  heading: string;
  note: string;
  /** Within the note: the task that it waits for. */
  waitsFor: (Link & { title: string }) | null;
  badge: Badge;
  bar: Bar;
  doneText: string;
  percentText: string;
  rateText: string | null;
  leftText: string | null;
  words: { cancel: string; details: string };
}

/** How the live piece ends; it carries no trigger. */
export interface EndedData {
  elementId: string;
  /** free: nothing holds the record that was waited for. */
  kind: 'finished' | 'gone' | 'signed-out' | 'free';
  /** Empty where the page says above what the task does. */
  heading: string;
  /** That all it changed was taken back. */
  undone?: string | null;
  note: string;
  badge: Badge | null;
  bar: Bar | null;
  counts: readonly CountInWords[];
  link: Link | null;
  /** Null: nothing can be undone here, or that is said elsewhere on the page. */
  undo: Link | null;
  /** To the records that it changed. */
  changes?: Link | null;
}

export interface Link {
  href: string;
  label: string;
}

/**
 * The same task may be live above the list and in a dialog at once; their elements must not share
 * an id. task: on its own page; launched: in the dialog that launched it; conflict: in a dialog that
 * it stands in the way of.
 */
const places = ['page', 'strip', 'task', 'launched', 'conflict'] as const;
export type ProgressPlace = (typeof places)[number];

/** Of what stands in an address. */
export function placeIn(given: unknown): ProgressPlace {
  return places.find((place) => place === given) ?? 'page';
}

function progressElementId(taskId: number | string, place: ProgressPlace): string {
  return `task-${taskId}-progress${place === 'strip' || place === 'conflict' ? `-${place}` : ''}`;
}

/**
 * What a page was last told about a task: what it asks for next carries it, so that the server need
 * not keep it.
 */
interface ShownState {
  state: string;
  done: number;
  atMs: number;
}

// A list behind a task is read again no more often than this while records change.
const tellEveryMs = 5_000;
// So is the rest of its own page, by its signs of life.
const detailsEveryMs = 2_000;

function stateNow(task: TaskRow, now: Date, place: ProgressPlace): string {
  return `${task.state}.${markOf(task, place)}.${now.getTime()}`;
}

/** What differs once there is more to be told of it. */
function markOf(task: TaskRow, place: ProgressPlace): number {
  return place === 'task' ? task.updatedAt.getTime() : task.done;
}

function parseShownState(shownState: string | undefined): ShownState | null {
  const [, state, done, at] = /^([a-z]+)\.(\d{1,15})\.(\d{1,15})$/.exec(shownState ?? '') ?? [];
  return state === undefined ? null : { state, done: Number(done), atMs: Number(at) };
}

/**
 * Whether lists are to be read again: the task came into another state, or changed records that
 * they still show as they were.
 */
export function hasMoved(
  task: TaskRow,
  now: Date,
  shownState: string | undefined,
  place: ProgressPlace = 'page',
): boolean {
  const last = parseShownState(shownState);
  if (!last || last.state !== task.state) return true;
  const since = now.getTime() - last.atMs;
  const isLater = (ms: number) => task.state !== 'running' || since < 0 || since >= ms;
  // A line of its log is no sign of life.
  if (place === 'task' && task.kind === 'own' && since >= tellEveryMs) return true;
  return (
    last.done !== markOf(task, place) && isLater(place === 'task' ? detailsEveryMs : tellEveryMs)
  );
}

/** What the page is told meanwhile: the list refreshes. */
export function movedEvents(task: TaskRow): Record<string, unknown> {
  return { 'bulkhead:moved': { taskId: task.id, resource: task.resource, model: task.model } };
}

/** Who looks at a task, and when. */
export interface Onlooker {
  reader: Reader;
  now: Date;
  url: Url;
}

/** `shownState` is what the list behind it shows already; by default it came with this answer. */
export function progressData(
  task: TaskRow & Partial<Naming>,
  look: Onlooker,
  place: ProgressPlace = 'page',
  shownState?: string,
): ProgressData {
  const { now, url } = look;
  const progress = progressOf(task, now);
  const note = noteOf(task, look);
  return {
    elementId: progressElementId(task.id, place),
    live:
      place === 'conflict'
        ? null
        : `bar=${task.id}.${place}.${shownState ?? stateNow(task, now, place)}`,
    taskUrl: place === 'task' ? null : url(`/tasks/${task.id}`),
    cancelUrl: url(`/tasks/${task.id}/cancellation${inPlace(place)}`),
    canCancel: progress.canCancel,
    pause: pauseOf(task, progress, url, place),
    title: task.title,
    caption: place === 'task' ? null : task.title,
    heading:
      withoutWorkerSince(task) === undefined && !isUnknownToAll(task)
        ? kindTexts(task).heading(task, totalOf(task))
        : kindTexts(task).noWorkerHeading(totalOf(task)),
    note,
    waitsFor:
      task.blocker && note === followUpTexts.blockedBy(task.blocker.id)
        ? {
            href: url(`/tasks/${task.blocker.id}`),
            label: followUpTexts.task(task.blocker.id),
            title: task.blocker.title,
          }
        : null,
    badge: badgeOf(task.state),
    bar: barOf(task, now),
    doneText: kindTexts(task).doneText(progress.done, totalOf(task)),
    percentText: totalOf(task) === null ? '' : taskTexts.percent(progress.percent),
    rateText:
      task.state === 'running' && progress.rate !== null
        ? kindTexts(task).rate(progress.rate)
        : null,
    leftText:
      task.state === 'running' && progress.secondsLeft !== null
        ? taskTexts.left(formatSpan(progress.secondsLeft * 1000))
        : null,
    words: { cancel: taskTexts.cancel, details: taskTexts.details },
  };
}

function inPlace(place: ProgressPlace): string {
  return place === 'page' ? '' : `?in=${place}`;
}

function pauseOf(
  task: TaskRow,
  { canPause, canResume }: Progress,
  url: Url,
  place: ProgressPlace,
): ProgressData['pause'] {
  if (!canPause && !canResume) return null;
  const name = canPause ? 'pause' : 'resumption';
  const [label, icon] = canPause ? [followUpTexts.pause, 'pause'] : [followUpTexts.resume, 'play'];
  return { name, url: url(`/tasks/${task.id}/${name}${inPlace(place)}`), label, icon };
}

/** Null: it is not known how much there is to do. */
export function totalOf(task: TaskRow): number | null {
  return task.total ?? task.expected;
}

// A worker takes a task within milliseconds when one is free.
const longWaitMs = 5_000;

function noteOf(task: TaskRow, { now, reader }: Onlooker): string {
  if (task.queuePause && isHeldUp(task)) return queuePausedNote(task, { now, reader });
  const away = withoutWorkerSince(task);
  if (away !== undefined)
    return kindTexts(task).noWorker(task, away && formatTimestamp(away, now, reader.timeZone));
  if (isUnknownToAll(task)) return taskTexts.unknownToAll(unknownIn(task));
  if (task.reason === 'unknown' && task.message) return task.message;
  switch (task.state) {
    case 'queued': {
      if (task.startOver?.[0]) return followUpTexts.startsOver(task.startOver[0].taskId);
      if (task.blockedBy !== null) return followUpTexts.blockedBy(task.blockedBy);
      if (task.dueAt !== null && task.dueAt > now) {
        const at = formatTimestamp(task.dueAt, now, reader.timeZone);
        if (task.waitsFor === 'sleep') return taskTexts.own.sleeps(at);
        if (task.waitsFor !== 'attempt') return taskTexts.own.dueAt(at);
        return `${task.message ?? ''} ${taskTexts.own.again(at)}`.trim();
      }
      if (task.waitsFor === 'children') return taskTexts.own.waitsForChildren;
      const since = task.queuedAt ?? task.createdAt;
      if (task.hasLimit)
        return taskTexts.own.waitingLimit(formatTimestamp(since, now, reader.timeZone));
      const isLong = now.getTime() - since.getTime() > longWaitMs;
      return (isLong ? taskTexts.waitingWorker : taskTexts.waitingTurn)(
        formatTimestamp(since, now, reader.timeZone),
      );
    }
    case 'scheduled':
      if (task.dueAt === null) return taskTexts.scheduledFor;
      return (task.dueAt > now ? taskTexts.own.dueAt : taskTexts.waitingWorker)(
        formatTimestamp(task.dueAt, now, reader.timeZone),
      );
    case 'preparing':
      return taskTexts.preparing;
    case 'pausing':
      return kindTexts(task).pausing;
    case 'paused':
      return kindTexts(task).paused;
    case 'cancelling':
      return kindTexts(task).cancelling;
    default:
      return task.backend === inlineName ? taskTexts.runningAtOnce : kindTexts(task).running;
  }
}

/** What it is that no worker knows, as far as its row says. */
function unknownIn({
  kind,
  operation,
  resource,
  parametersVersion,
  isUndo,
  parameters,
}: TaskRow): string {
  const { bulk, own, undo } = taskTexts.unknownWhat;
  if (kind === 'own') {
    const what = own(operation, parametersVersion);
    return isUndo ? undo(what) : what;
  }
  const what = undoneAnywhere({ operation, parameters })?.what;
  return what ? undo(bulk(what.operation, resource)) : bulk(operation, resource);
}

function queuePausedNote(
  { kind, queue, queuePause }: TaskRow,
  { now, reader }: Pick<Onlooker, 'now' | 'reader'>,
): string {
  const { by, at, reason } = queuePause as NonNullable<TaskRow['queuePause']>;
  const since = formatTimestamp(new Date(at), now, reader.timeZone);
  const note = taskTexts.queuePaused(kind === 'bulk' ? bulkQueue : queue, by, since);
  return reason === null ? note : `${note} ${taskTexts.because(reason)}`;
}

export function barOf(task: TaskRow, now: Date): Bar {
  const { done, total, percent } = shownProgress(task, now);
  // What was handed on waits with what it has done.
  const isKnown = task.state !== 'preparing' && (task.state !== 'queued' || done > 0);
  const label = kindTexts(task).barLabel(task.title, done, totalOf(task), percent);
  if (totalOf(task) === null)
    return {
      value: task.state === 'succeeded' ? 1 : 0,
      max: 1,
      isKnown: isFinished(task.state) || task.state === 'scheduled',
      label,
    };
  return { value: Math.min(done, total), max: Math.max(1, total), isKnown, label };
}

/**
 * How far it is; once it has ended, how far it came with what was asked for: what failed is no part
 * of that.
 */
export function shownProgress(
  task: TaskRow,
  now: Date,
): Pick<Progress, 'done' | 'total' | 'percent'> {
  const { done, total, percent } = progressOf(task, now);
  const amiss = task.failed + task.keptBack + task.conflicted;
  if (!isFinished(task.state) || amiss === 0) return { done, total, percent };
  const well = Math.max(0, done - amiss);
  return {
    done: well,
    total,
    percent: total === 0 ? 0 : Math.floor((well / total) * 100),
  };
}

/** What happened to the records, only what there was. */
export function countsOf(task: TaskRow & Partial<Naming>): CountInWords[] {
  const { counts } = taskTexts;
  if (task.kind === 'own') return [];
  const left = isFinished(task.state) ? Math.max(0, (task.total ?? 0) - task.done) : 0;
  const all: [number, (count: number) => string, CountInWords['tone']][] = [
    [
      task.changed,
      (count) => (task.words ?? wordsOf(task.operation)).done(formatNumber(count)),
      'success',
    ],
    [task.failed, counts.failed, 'error'],
    [task.keptBack, counts.keptBack, 'error'],
    [task.altered, counts.altered, 'warning'],
    [task.unchanged, counts.unchanged, 'plain'],
    [task.conflicted, counts.conflicted, 'warning'],
    [task.gone, counts.gone, 'plain'],
    [left, isAllOrNothing(task) ? counts.rolledBack : counts.left, 'warning'],
  ];
  return all
    .filter(([count]) => count > 0)
    .map(([count, words, tone]) => ({ text: words(count), tone }));
}

export function finishedData(
  task: TaskRow,
  now: Date,
  url: Url,
  place: ProgressPlace = 'page',
  { undo, changes }: EndLinks = {},
): EndedData {
  const isHere = place === 'task';
  return {
    elementId: progressElementId(task.id, place),
    kind: 'finished',
    heading: isHere ? '' : endedHeading(task),
    note:
      task.message ??
      (task.altered > 0
        ? taskTexts.endedAltered(task.altered, isHere)
        : (kindTexts(task)[isHere ? 'endedNoteHere' : 'endedNote'][task.state] ?? '')),
    badge: badgeOf(task.state),
    bar: totalOf(task) === null ? null : barOf(task, now),
    counts: countsOf(task),
    link: isHere ? null : { href: url(`/tasks/${task.id}`), label: taskTexts.details },
    undo: isHere ? null : (undo ?? null),
    changes: isHere ? null : (changes ?? null),
  };
}

function endedHeading(task: TaskRow): string {
  const { ended } = taskTexts;
  return task.state in ended ? ended[task.state as keyof typeof ended](task.title) : task.title;
}

/** Removed and somebody else's look the same, so that ids tell nothing. */
export function goneData(taskId: string, url: Url, place: ProgressPlace): EndedData {
  return {
    elementId: progressElementId(taskId, place),
    kind: 'gone',
    heading: taskTexts.goneHeading,
    note: taskTexts.goneNote,
    badge: null,
    bar: null,
    counts: [],
    link: { href: url('/tasks'), label: taskTexts.allTasks },
    undo: null,
  };
}

export function signedOutData(
  taskId: string,
  { place, signIn }: { place: ProgressPlace; signIn: string | null },
): EndedData {
  return {
    elementId: progressElementId(taskId, place),
    kind: 'signed-out',
    heading: taskTexts.signedOutHeading,
    note: taskTexts.signedOutNote,
    badge: null,
    bar: null,
    counts: [],
    link: signInLink(signIn),
    undo: null,
  };
}

export function signInLink(href: string | null): Link | null {
  return href === null ? null : { href, label: taskTexts.signIn };
}

export type ToastLevel = 'success' | 'warning' | 'error' | 'info';

/** Where the end of a task leads on. */
export interface EndLinks {
  undo?: Link | null;
  changes?: Link | null;
}

/**
 * What the page is told when a task ends: the list refreshes, a toast says what happened and leads
 * to its records and its undo.
 */
export function finishedEvents(
  task: TaskRow,
  { undo, changes }: EndLinks = {},
): Record<string, unknown> {
  return {
    'bulkhead:finished': { taskId: task.id, resource: task.resource, model: task.model },
    // The same task may be live twice on a page; one key is one toast.
    'bulkhead:toast': {
      ...toastOf(task),
      key: `task-${task.id}`,
      ...(undo && { link: undo }),
      ...(changes && { more: changes }),
    },
  };
}

function toastOf(task: TaskRow): { level: ToastLevel; message: string } {
  const counts = countsOf(task).map(({ text }) => text);
  const level: Partial<Record<TaskState, ToastLevel>> = {
    succeeded: 'success',
    partial: 'warning',
    failed: 'error',
  };
  return {
    level: level[task.state] ?? 'info',
    message: [
      endedHeading(task),
      counts.join(', ') || (task.kind === 'own' ? task.message : taskTexts.countsNone),
    ]
      .filter((part) => part !== null)
      .map((part) => part.replace(/\.?$/, '.'))
      .join(' '),
  };
}

/** The label of a task's resource, which may have gone from the configuration since. */
export function resourceLabel(resources: readonly Resource[], slug: string | null): string {
  if (slug === null) return taskTexts.ownTask;
  return resources.find((resource) => resource.slug === slug)?.label ?? slug;
}

/** The reader's own unfinished tasks on one resource, above its list. */
export interface RunningData {
  tasks: readonly ProgressData[];
  refreshUrl: string;
  label: string;
}

export function runningData(
  tasks: readonly TaskRow[],
  resource: string,
  look: Onlooker,
): RunningData {
  return {
    tasks: tasks.map((task) => progressData(task, look, 'strip')),
    refreshUrl: look.url(`/tasks/running?resource=${encodeURIComponent(resource)}`),
    label: taskTexts.strip,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/_progress': ProgressData;
    'tasks/_ended': EndedData;
    'tasks/_running': RunningData;
  }
}
