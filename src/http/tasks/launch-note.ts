import type { Launched } from '../../tasks/launched.ts';
import { taskTexts } from './tasks-texts.ts';

/** That nothing was started, and why, or what became of the same that was under way. */
export function launchNote({ task, outcome, madeRoom }: Launched): string | null {
  if (outcome === 'already') return taskTexts.alreadySent;
  if (outcome === 'reused') return taskTexts.own.reused;
  if (outcome === 'same')
    return task.kind === 'own' ? taskTexts.own.alreadyRunning : taskTexts.alreadyRunning;
  if (!madeRoom) return null;
  const { isReplaced, isBehind, isStartedOver, isPutOff } = madeRoom;
  const said = [
    isReplaced ? taskTexts.replaced : null,
    isStartedOver ? taskTexts.startsOver : isBehind ? taskTexts.behind : null,
    isPutOff ? taskTexts.putOff : null,
  ];
  return said.filter((one) => one !== null).join(' ');
}
