import { inlineName } from '../../queue/backend.ts';
import { isFinished } from '../states.ts';
import type { TaskRow } from '../task-row.ts';

/** Where a task stands, in numbers; words are made of them in one place, the pages. */
export interface Progress {
  /** 0–100, whole; 100 only when every record is done. */
  percent: number;
  done: number;
  /** Frozen count, or before that the previewed one; 0 where there is neither. */
  total: number;
  /**
   * Records per second while somebody was at it; null while nothing is known, and where no worker
   * is alive.
   */
  rate: number | null;
  secondsLeft: number | null;
  isFinished: boolean;
  canCancel: boolean;
  canPause: boolean;
  canResume: boolean;
}

export function progressOf(task: TaskRow, now: Date): Progress {
  const total = task.total ?? task.expected ?? 0;
  const finished = isFinished(task.state);
  const percent =
    total === 0 ? (task.state === 'succeeded' ? 100 : 0) : Math.floor((task.done / total) * 100);
  const seconds = workedMs(task, now) / 1000;
  const rate =
    task.done > 0 && seconds > 0 && (task.workerFor ?? 'there') === 'there'
      ? task.done / seconds
      : null;
  return {
    percent: Math.min(100, percent),
    done: task.done,
    total,
    rate,
    // Of how much there is to do nothing is known, so nothing of the rest either.
    secondsLeft: !finished && rate && total > 0 ? Math.ceil((total - task.done) / rate) : null,
    isFinished: finished,
    canCancel: !finished && task.state !== 'cancelling',
    canPause:
      task.backend !== inlineName &&
      (task.kind === 'bulk'
        ? task.state === 'running'
        : task.canGoOn && (task.state === 'running' || task.state === 'queued')),
    canResume: task.state === 'pausing' || task.state === 'paused',
  };
}

/** Was it done in one transaction, within the request that launched it? */
export function isAllOrNothing({ backend, followsId, kind }: TaskRow): boolean {
  return kind === 'bulk' && backend === inlineName && followsId === null;
}

/** How long somebody was at it: not while it was paused, waited, or had no worker. */
export function workedMs({ startedAt, finishedAt, restedAt, idleMs }: TaskRow, now: Date): number {
  if (!startedAt) return 0;
  const end = Math.min((finishedAt ?? now).getTime(), (restedAt ?? now).getTime());
  return Math.max(0, end - startedAt.getTime() - idleMs);
}

/** Does it wait since its queue is paused? What runs goes on. */
export function isHeldUp({ state, queuePause, restedAt }: TaskRow): boolean {
  if (queuePause === null) return false;
  return (
    state === 'queued' || ((state === 'running' || state === 'preparing') && restedAt !== null)
  );
}

/**
 * Since when no worker is alive that could go on with it: a timestamp, or null where that is not
 * known; undefined: one is, or none is needed.
 */
export function withoutWorkerSince({
  state,
  workerFor,
  workerEndedAt,
}: TaskRow): Date | null | undefined {
  if (workerFor !== 'none' || state === 'paused' || state === 'scheduled') return undefined;
  return workerEndedAt;
}

/** Are workers alive that listen to its queue, and none of them knows what it is about? */
export function isUnknownToAll({ state, workerFor }: TaskRow): boolean {
  return workerFor === 'unknowing' && state !== 'paused' && state !== 'scheduled';
}

/**
 * Words of the requirement documents: null while unfinished, true for succeeded, false otherwise.
 */
export function successOf(task: TaskRow): boolean | null {
  return isFinished(task.state) ? task.state === 'succeeded' : null;
}
