import type { Launched } from '../../tasks/launched.ts';
import { taskTexts } from './tasks-texts.ts';

/** That nothing was started, and why. */
export function earlierNote(outcome: Launched['outcome']): string | null {
  if (outcome === 'already') return taskTexts.alreadySent;
  if (outcome === 'reused') return taskTexts.own.reused;
  return outcome === 'same' ? taskTexts.alreadyRunning : null;
}
