import type { TaskEventName } from '../task-definitions/task-hooks.ts';
import type { TaskState } from '../tasks/states.ts';

/** What can be done to a task, and what can befall it. */
export const taskActions = [
  'cancel',
  'pause',
  'resume',
  'retry',
  'reschedule',
  'expire',
  'due',
  'hard limit',
  'worker lost',
] as const;
export type TaskAction = (typeof taskActions)[number];

export const taskKinds = [
  'bulk',
  'run',
  'each',
  'steps',
  'sleeping',
  'isolated',
  'parent',
] as const;
export type TaskKind = (typeof taskKinds)[number];

/**
 * A state; `waiting` is `queued` after it has begun: for its next attempt, the end of its sleep or
 * of its parts, of bulk work for the task that holds its records.
 */
export type Standing = TaskState | 'waiting';

/** What becomes of a task, once all has come to rest. */
export interface TableOutcome {
  /** The states that it goes through, in their order. */
  readonly moves: readonly TaskState[];
  readonly holds: boolean;
  /** What hooks hear of it, without `task:`. */
  readonly hears: readonly string[];
  /** States of its parts. */
  readonly parts: readonly TaskState[];
}

/** Refused by this code; `nothing`: answered, or come to pass, and it is as it was. */
export type TableCell = { readonly refused: string } | 'nothing' | TableOutcome;

export interface TableRow {
  /** Does it hold its record? */
  readonly holds: boolean;
  readonly parts: readonly TaskState[];
  readonly cells: Readonly<Record<TaskAction, TableCell>>;
}

/** Why no task of this kind stands so. */
export type Never = { readonly never: string };

export type TaskTable = Readonly<Record<TaskKind, Readonly<Record<Standing, TableRow | Never>>>>;

const refused = (code: string): TableCell => ({ refused: code });
const nothing = 'nothing';
const never = (why: string): Never => ({ never: why });

type Heard = TaskEventName extends `task:${infer Name}` ? Name : never;

function becomes(moves: readonly TaskState[], hears: readonly Heard[] = []): TableOutcome {
  return { moves, hears, holds: false, parts: [] };
}

/** The same, and it holds its record. */
function keeps(moves: readonly TaskState[], hears: readonly Heard[] = []): TableOutcome {
  return { ...becomes(moves, hears), holds: true };
}

const cancelled = becomes(['cancelled'], ['cancelled']);
const cancelledLater = becomes(['cancelling', 'cancelled'], ['cancelled']);
const triedLater = keeps(['cancelling', 'queued']);
const pausedLater = keeps(['pausing', 'paused'], ['paused']);

/** Of a task that has not ended, where nothing else is said. */
const unfinished = {
  cancel: cancelled,
  pause: refused('not-pausable'),
  resume: nothing,
  retry: refused('not-finished'),
  reschedule: refused('not-scheduled'),
  expire: nothing,
  due: nothing,
  'hard limit': nothing,
  'worker lost': nothing,
} as const satisfies Record<TaskAction, TableCell>;

const finished = {
  cancel: refused('task-finished'),
  pause: refused('task-finished'),
  resume: refused('task-finished'),
  retry: refused('nothing-to-retry'),
  reschedule: refused('task-finished'),
  expire: nothing,
  due: nothing,
  'hard limit': nothing,
  'worker lost': nothing,
} as const satisfies Record<TaskAction, TableCell>;

/** Another task does it again; this one has ended as it had. */
const triedAgain = becomes([], ['retried']);

function free(cells: Record<TaskAction, TableCell>): TableRow {
  return { holds: false, parts: [], cells };
}

function holding(cells: Record<TaskAction, TableCell>): TableRow {
  return { holds: true, parts: [], cells };
}

const prepares = never('a place calls it: it prepares nothing');
const inPart = never('its run returns or throws: it is not done in part');

/** An own task with something kept of what it has done. */
const own = {
  scheduled: free({
    ...unfinished,
    reschedule: becomes([]),
    expire: cancelled,
    due: becomes(['queued']),
  }),
  queued: free({ ...unfinished, expire: cancelled }),
  waiting: holding({
    ...unfinished,
    pause: keeps(['paused'], ['paused']),
    due: keeps(['running']),
  }),
  preparing: prepares,
  running: holding({
    ...unfinished,
    cancel: cancelledLater,
    pause: pausedLater,
    'hard limit': triedLater,
    'worker lost': keeps(['queued']),
  }),
  pausing: holding({
    ...unfinished,
    cancel: cancelledLater,
    pause: nothing,
    // It had heard of the pause: it is called again, and this time returns.
    resume: becomes(['running', 'queued', 'running', 'succeeded'], ['resumed', 'succeeded']),
    'hard limit': keeps(['cancelling', 'paused'], ['paused']),
    'worker lost': keeps(['paused'], ['paused']),
  }),
  paused: holding({
    ...unfinished,
    pause: nothing,
    resume: keeps(['queued', 'running'], ['resumed']),
  }),
  cancelling: holding({
    ...unfinished,
    cancel: nothing,
    pause: refused('not-running'),
    'worker lost': cancelled,
  }),
  succeeded: free(finished),
  partial: inPart,
  failed: free({ ...finished, retry: triedAgain }),
  cancelled: free({ ...finished, retry: triedAgain }),
} as const;

const startsAnew = never('nothing of it is kept, so a pause is refused');

function change<R extends TableRow>(
  row: R,
  changes: Partial<Record<TaskAction, TableCell>>,
): TableRow {
  return { ...row, cells: { ...row.cells, ...changes } };
}

/** With these parts, and after what changes something these, the same unless it is said. */
function withParts(
  row: TableRow,
  parts: readonly TaskState[],
  after: Partial<Record<TaskAction, readonly TaskState[]>> = {},
): TableRow {
  const cells = Object.entries(row.cells).map(([action, cell]) => {
    if (typeof cell === 'string' || 'refused' in cell) return [action, cell];
    return [action, { ...cell, parts: after[action as TaskAction] ?? parts }];
  });
  return { ...row, parts, cells: Object.fromEntries(cells) };
}

const atWork = ['succeeded', 'running'] as const;
const stopped = ['succeeded', 'cancelled'] as const;
const lost = ['succeeded', 'queued'] as const;
/** It stays as it is, but its part is lost with its worker. */
const partLost = { ...keeps([]), parts: lost };

export const taskTable: TaskTable = {
  bulk: {
    scheduled: never('an operation is launched for now'),
    queued: free({ ...unfinished, pause: refused('not-running') }),
    waiting: free({ ...unfinished, pause: refused('not-running') }),
    preparing: free({
      ...unfinished,
      pause: refused('not-running'),
      'worker lost': becomes([]),
    }),
    running: holding({
      ...unfinished,
      cancel: cancelledLater,
      pause: pausedLater,
      'worker lost': keeps([]),
    }),
    pausing: holding({
      ...unfinished,
      cancel: cancelledLater,
      pause: nothing,
      resume: becomes(['running', 'succeeded'], ['resumed', 'succeeded']),
      'worker lost': keeps(['paused'], ['paused']),
    }),
    paused: holding({
      ...unfinished,
      pause: nothing,
      resume: becomes(['running', 'succeeded'], ['resumed', 'succeeded']),
    }),
    cancelling: holding({
      ...unfinished,
      cancel: nothing,
      pause: refused('not-running'),
      'worker lost': cancelled,
    }),
    succeeded: free(finished),
    partial: free({ ...finished, retry: triedAgain }),
    failed: free({ ...finished, retry: triedAgain }),
    cancelled: free(finished),
  },
  run: {
    ...own,
    waiting: change(own.waiting, { pause: unfinished.pause }),
    running: change(own.running, { pause: unfinished.pause }),
    pausing: startsAnew,
    paused: startsAnew,
    cancelling: change(own.cancelling, { pause: unfinished.pause }),
  },
  each: own,
  steps: own,
  sleeping: {
    ...own,
    waiting: change(own.waiting, { due: becomes(['running', 'succeeded'], ['succeeded']) }),
    pausing: change(own.pausing, {
      resume: keeps(['running', 'queued', 'running', 'queued'], ['resumed']),
    }),
  },
  // Its process is killed.
  isolated: { ...own, cancelling: change(own.cancelling, { 'hard limit': cancelled }) },
  parent: {
    ...own,
    scheduled: withParts(own.scheduled, ['queued'], {
      cancel: ['cancelled'],
      expire: ['cancelled'],
    }),
    queued: withParts(own.queued, ['queued'], { cancel: ['cancelled'], expire: ['cancelled'] }),
    waiting: withParts(
      change(own.waiting, { cancel: cancelledLater, due: nothing, 'worker lost': partLost }),
      atWork,
      { cancel: stopped, 'worker lost': lost },
    ),
    running: withParts(own.running, atWork, { cancel: stopped, 'worker lost': lost }),
    pausing: withParts(
      change(own.pausing, {
        resume: keeps(['running', 'queued', 'running', 'queued'], ['resumed']),
      }),
      atWork,
      { cancel: stopped, 'worker lost': lost },
    ),
    paused: withParts(
      change(own.paused, { cancel: cancelledLater, 'worker lost': partLost }),
      atWork,
      { cancel: stopped, 'worker lost': lost },
    ),
    cancelling: withParts(own.cancelling, ['succeeded', 'cancelling'], { 'worker lost': stopped }),
    succeeded: withParts(own.succeeded, ['succeeded', 'succeeded']),
    failed: withParts(own.failed, stopped),
    cancelled: withParts(own.cancelled, ['cancelled']),
  },
};

/** Each standing that there is of a kind, with its row. */
export function standingsOf(kind: TaskKind): [Standing, TableRow][] {
  return Object.entries(taskTable[kind]).flatMap(([standing, row]) =>
    'never' in row ? [] : [[standing as Standing, row] as [Standing, TableRow]],
  );
}

/** Does this cell leave the task as it is? */
export function leavesAsIs(cell: TableCell): cell is Exclude<TableCell, TableOutcome> {
  return cell === nothing || 'refused' in cell;
}
