import type { TaskState } from '../../tasks/states.ts';
import { taskTexts } from './tasks-texts.ts';

/** A state as it is shown: never by colour alone. */
export interface Badge {
  state: TaskState | 'alert';
  label: string;
  icon: string;
  tone: 'neutral' | 'info' | 'success' | 'warning' | 'error';
}

const looks: Record<TaskState, Pick<Badge, 'icon' | 'tone'>> = {
  scheduled: { icon: 'calendar-clock', tone: 'neutral' },
  queued: { icon: 'clock', tone: 'neutral' },
  preparing: { icon: 'list-checks', tone: 'info' },
  running: { icon: 'loader', tone: 'info' },
  pausing: { icon: 'pause', tone: 'warning' },
  paused: { icon: 'pause', tone: 'warning' },
  cancelling: { icon: 'ban', tone: 'warning' },
  succeeded: { icon: 'circle-check', tone: 'success' },
  partial: { icon: 'triangle-alert', tone: 'warning' },
  failed: { icon: 'circle-x', tone: 'error' },
  cancelled: { icon: 'ban', tone: 'neutral' },
};

export function badgeOf(state: TaskState): Badge {
  return { state, label: taskTexts.states[state], ...looks[state] };
}
