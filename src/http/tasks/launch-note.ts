import type { Launched } from '../../tasks/launched.ts';
import { taskTexts } from './tasks-texts.ts';

/** That nothing was started, and why, or what became of the same that was under way. */
export function launchNote({ task, outcome, madeRoom }: Launched): string | null {
  if (outcome === 'already') return taskTexts.alreadySent;
  if (outcome === 'reused') return taskTexts.own.reused;
  if (outcome === 'same')
    return task.kind === 'own' ? taskTexts.own.alreadyRunning : taskTexts.alreadyRunning;
  if (!madeRoom) return null;
  const { isReplaced, isBehind, isPutOff } = madeRoom;
  const said = [
    isReplaced ? taskTexts.replaced : null,
    isPutOff ? taskTexts.putOffBehind : isBehind ? taskTexts.behind : null,
  ];
  return said.filter((one) => one !== null).join(' ');
}
