import type { ScheduleRun } from '../../tasks/schedules/list-schedules.ts';

const number = new Intl.NumberFormat('en');

export const scheduleTexts = {
  heading: 'Schedules',
  intro:
    'What runs by itself at its times. Schedules are written in code; here they are run, paused and resumed.',
  off: 'None of them runs: nothing does in the background here, as the setting BULKHEAD_BACKGROUND says.',
  none: 'There is no schedule. They are listed in the code, as schedules of defineAdmin.',
  tasks: 'All tasks',
  columns: { next: 'Next run', runs: 'Latest runs' },
  line: (cron: string, timeZone: string) => `${cron} · ${timeZone}`,
  paused: 'Paused',
  pausedBy: (name: string) => `Paused by ${name}`,
  parked: 'Not in the code any more',
  unseen: 'No worker has seen it yet',
  never: 'No further time',
  noRuns: 'None yet',
  byHand: (name: string) => `by ${name}`,
  run: 'Run now',
  pause: 'Pause',
  resume: 'Resume',
  about: (act: string, name: string) => `${act}: ${name}`,
  isDue: (name: string) => `${name} is about to run.`,
  isPaused: (name: string) => `${name} is paused: its times are left out until it is resumed.`,
  isResumed: (name: string) => `${name} goes on with its next time.`,
  task: (id: number) => `#${id}`,
  states: {
    due: 'About to begin',
    launched: 'Launched',
    skipped: 'Left out',
    missed: 'Missed',
    stopped: 'Stopped',
    refused: 'Refused',
  } satisfies Record<ScheduleRun['state'], string>,
  missed: (count: number) =>
    count === 1
      ? 'No worker was there at this time.'
      : `No worker was there at this time, nor at ${number.format(count - 1)} before it.`,
  records: (count: number) => `${number.format(count)} ${count === 1 ? 'record' : 'records'}`,
};
