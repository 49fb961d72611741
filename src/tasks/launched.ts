import { isFinished } from './states.ts';
import type { TaskRow } from './task-row.ts';

/** What came of a launch. */
export interface Launched {
  task: TaskRow;
  /**
   * `task` is one that was launched before: already, by the same form; same, by another form or
   * by code, and it is unfinished and does just this; reused, it has done so, and what it gave is
   * still good.
   */
  outcome: 'inline' | 'queued' | 'already' | 'same' | 'reused';
  /** Of a new one, where the same was under way. */
  madeRoom?: MadeRoom | null;
}

/** What became of the same for a launch, and of the launch. */
export interface MadeRoom {
  /** Some of it was cancelled, as it had not begun. */
  isReplaced: boolean;
  /** The launch waits for the end of some of it. */
  isBehind: boolean;
  /** Some of it is cancelled, and taken back before the launch begins. */
  isStartedOver: boolean;
  /** It was promised to be made at once: it is made later, all or nothing as promised. */
  isPutOff: boolean;
}

/** The same form sent twice, or another that asks for what is under way. */
export function earlierTask(task: TaskRow, operationId: string | null): Launched {
  const isSent = operationId !== null && task.operationId === operationId.toLowerCase();
  if (isSent) return { task, outcome: 'already' };
  return { task, outcome: task.kind === 'own' && isFinished(task.state) ? 'reused' : 'same' };
}

/** Where one of them, or another launch on them, was not done with in time. */
export const recordsHeld =
  'Some of these records are being changed by somebody else right now. Nothing was changed. Try again in a moment.';
