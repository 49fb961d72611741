import { inlineName } from '../../queue/backend.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { taskTexts } from './tasks-texts.ts';

/** What is said of a task by its kind: of bulk work in records, of an own task in its own words. */
export interface KindTexts {
  heading(task: TaskRow, total: number | null): string;
  noWorkerHeading(total: number | null): string;
  noWorker(task: TaskRow, since: string | null): string;
  /** `3 of 40`; empty where nothing is known. */
  doneText(done: number, total: number | null): string;
  rate(perSecond: number): string;
  barLabel(title: string, done: number, total: number | null, percent: number): string;
  running: string;
  cancelling: string;
  pausing: string;
  paused: string;
  endedNote: Readonly<Record<string, string>>;
  endedNoteHere: Readonly<Record<string, string>>;
}

const bulk: KindTexts = {
  heading({ state, backend }, total) {
    if (state === 'cancelling') return taskTexts.cancellingHeading(total);
    if (state === 'paused' || state === 'pausing') return taskTexts.pausedHeading(total);
    return backend === inlineName ? taskTexts.processingAtOnce(total) : taskTexts.processing(total);
  },
  noWorkerHeading: taskTexts.noWorkerHeading,
  noWorker: (_task, since) => taskTexts.noWorker(since),
  doneText: (done, total) =>
    total === null ? taskTexts.notCounted : taskTexts.doneOf(done, total),
  rate: taskTexts.rate,
  barLabel: (title, done, total, percent) =>
    total === null
      ? taskTexts.barNotCounted(title)
      : taskTexts.barLabel(title, done, total, percent),
  running: taskTexts.running,
  cancelling: taskTexts.cancelling,
  pausing: taskTexts.pausing,
  paused: taskTexts.paused,
  endedNote: taskTexts.endedNote,
  endedNoteHere: taskTexts.endedNoteHere,
};

const own: KindTexts = {
  ...bulk,
  heading({ state, backend, progressMessage }) {
    if (state === 'cancelling') return taskTexts.own.cancelling;
    if (state === 'paused' || state === 'pausing') return taskTexts.states[state];
    if (state === 'scheduled') return taskTexts.own.scheduled;
    if (progressMessage !== null) return progressMessage;
    if (state === 'queued') return taskTexts.own.queued;
    return backend === inlineName ? taskTexts.own.runningAtOnce : taskTexts.own.running;
  },
  noWorkerHeading: () => taskTexts.own.noWorkerHeading,
  noWorker: ({ queue }, since) => taskTexts.own.noWorker(queue, since),
  doneText(done, total) {
    if (total !== null) return taskTexts.doneOf(done, total);
    return done === 0 ? '' : taskTexts.own.done(done);
  },
  rate: taskTexts.own.rate,
  barLabel: taskTexts.own.barLabel,
  cancelling: taskTexts.own.cancellingNote,
  pausing: taskTexts.own.cancellingNote,
  paused: taskTexts.own.pausedNote,
  endedNote: taskTexts.own.endedNote,
  endedNoteHere: taskTexts.own.endedNote,
};

/** The one place that asks what kind of task it is, to speak of it. */
export function kindTexts({ kind }: Pick<TaskRow, 'kind'>): KindTexts {
  return kind === 'own' ? own : bulk;
}
