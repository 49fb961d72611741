import type { Launched } from '../../tasks/launched.ts';
import { taskTexts } from './tasks-texts.ts';

/** That nothing was started, and why. */
export function earlierNote({ task, outcome }: Launched): string | null {
  if (outcome === 'already') return taskTexts.alreadySent;
  if (outcome === 'reused') return taskTexts.own.reused;
  if (outcome !== 'same') return null;
  return task.kind === 'own' ? taskTexts.own.alreadyRunning : taskTexts.alreadyRunning;
}
