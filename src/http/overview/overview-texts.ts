import { commandLine } from '../../command-line.ts';

const number = new Intl.NumberFormat('en');
const rules = new Intl.PluralRules('en');
const some = (count: number, isMore: boolean) => `${number.format(count)}${isMore ? '+' : ''}`;
const isOne = (count: number) => rules.select(count) === 'one';
const counted = (count: number, one: string, many: string, isMore = false) =>
  `${some(count, isMore)} ${isOne(count) ? one : many}`;

export const overviewTexts = {
  heading: 'Overview',
  intro: 'How tasks fare, as far as you see them.',
  asOf: (at: string) => `As of ${at}.`,
  refresh: 'Look again',
  tasks: 'All tasks',
  health: 'Health',
  lookBack: 'Look back on',
  lookBacks: { day: 'Last 24 hours', week: 'Last 7 days' },
  wrongLookBack: 'It looks back on a day or a week.',
  attention: 'Needs somebody',
  nothing: 'Nothing needs you.',
  about: {
    withoutWorker: (count: number) =>
      `${counted(count, 'task waits', 'tasks wait')} and no worker is alive that could run ${isOne(count) ? 'it' : 'them'}.`,
    unknown: (count: number) =>
      `${counted(count, 'task waits', 'tasks wait')} for a version of the code that knows what ${isOne(count) ? 'it is' : 'they are'} about: no running worker does. ${isOne(count) ? 'It' : 'Each'} can be cancelled.`,
    gone: (count: number) =>
      `${counted(count, 'worker is', 'workers are')} gone. What ${isOne(count) ? 'it was' : 'they were'} at is taken up by others.`,
    unheard: (count: number) =>
      `${counted(count, 'worker has', 'workers have')} given no sign of life for a while.`,
    failures: (count: number, isMore: boolean) =>
      `${counted(count, 'task', 'tasks', isMore)} failed, or ${isOne(count) ? 'was' : 'were'} partly done, and nobody has seen to ${isOne(count) ? 'it' : 'them'}.`,
    waitingLong: (count: number, span: string) =>
      `${counted(count, 'task has', 'tasks have')} waited for more than ${span}.`,
    hooks: (count: number, isMore: boolean) =>
      `${counted(count, 'call of a hook was', 'calls of hooks were', isMore)} given up in the last 7 days. This is the task of the latest.`,
    notices: (count: number, isMore: boolean) =>
      `${counted(count, 'notice was', 'notices were', isMore)} given up in the last 7 days.`,
    paused: (names: string, count: number) =>
      `The ${isOne(count) ? 'queue' : 'queues'} ${names} ${isOne(count) ? 'is' : 'are'} paused: nothing new of ${isOne(count) ? 'it' : 'them'} is taken.`,
    quiet: (count: number) =>
      `${counted(count, 'worker takes', 'workers take')} nothing more, or ${isOne(count) ? 'is' : 'are'} asked to stop.`,
    differ: (count: number) =>
      `${counted(count, 'process', 'processes')} of workers and pages ${isOne(count) ? 'has' : 'have'} another version or other settings than what was started last.`,
    schedules: (names: string, count: number) =>
      `The last time of ${isOne(count) ? 'the schedule' : 'the schedules'} ${names} was missed, stopped or refused.`,
  },
  now: 'Now',
  figures: {
    running: 'Running',
    waiting: 'Waiting',
    scheduled: 'For later',
    paused: 'Paused',
  },
  oldest: 'Waiting for longest',
  oldestNone: 'No task waits for its turn.',
  waited: (span: string) => `for ${span}`,
  lately: 'The last 24 hours',
  charts: {
    changed: 'Records changed',
    failures: 'Tasks that failed',
    waits: 'Waiting time, seconds',
  },
  chartNotes: {
    changed: 'By the hour in which their task ended.',
    failures: 'Or were partly done, by the hour of their end.',
    waits: '95 % began sooner, by the hour of their end.',
  },
  figuresOf: (what: string) => `Figures: ${what}`,
  columns: {
    hour: 'Hour',
    ended: 'Tasks that ended',
    changed: 'Records changed',
    failed: 'Failed',
    partial: 'Partly done',
    waitP50: 'Half waited at most',
    waitP95: '95 % waited at most',
  },
  hours: (from: string, until: string) => `${from}–${until} h`,
  hour: (from: string, until: string) => `${from}–${until}`,
  none: '–',
  countedFrom: (count: number, at: string) =>
    `Only the ${number.format(count)} tasks that ended last are counted: those since ${at}.`,
  kinds: 'By kind of task',
  kindsNone: 'No task has ended in this time.',
  kindColumns: { kind: 'Kind', runs: 'Runs', failures: 'Failures', p50: 'p50', p95: 'p95' },
  kindsNote: 'How long somebody was at it: half of the runs took p50 at most, 95 % took p95.',
  ownTasks: {
    'bulkhead:cancel-tasks': 'Cancel all tasks that match',
    'bulkhead:retry-tasks': 'Try all tasks again that match',
    'bulkhead:acknowledge-tasks': 'See to all tasks that match',
  } as Readonly<Record<string, string>>,
  kindOf: (operation: string, resource: string) => `${operation}: ${resource}`,
  failures: 'Failures by reason',
  failuresNote:
    'Tasks that failed or were partly done, by when they were asked for. Each figure leads to them.',
  failuresNone: 'No task that was asked for in this time has failed.',
  failureColumns: { reason: 'Reason', total: 'All' },
  noReason: 'none kept',
  failuresIn: (count: number, reason: string, when: string) =>
    `${counted(count, 'task', 'tasks')}, ${reason}, ${when}`,
  workers: 'Workers',
  workersNone: `No worker is known. One is started by ${commandLine('work')}.`,
  workerColumns: {
    at: 'At work on',
    takes: 'Takes',
    since: 'Since',
    seen: 'Last sign of life',
  },
  worker: (host: string, pid: number) => `${host}, process ${pid}`,
  version: (version: string) => `version ${version}`,
  workerStates: {
    alive: 'Alive',
    unheard: 'Not heard of',
    gone: 'Gone',
    busy: 'Busy',
    quiet: 'Quiet',
    stopping: 'Stopping',
  },
  busySince: (at: string) =>
    `Busy since ${at}: what it is at gives way to nothing else, and is judged by its own limits.`,
  askedToStop: (who: string, at: string) => `Asked to stop by ${who}, ${at}.`,
  askedToBeQuiet: (who: string, at: string) => `Asked by ${who}, ${at}, to take nothing more.`,
  quietBy: (who: string, at: string) => `It takes nothing more: ${who} asked for that, ${at}.`,
  idle: 'nothing',
  takesAll: 'all queues',
  atATime: (concurrency: number, places: number) =>
    `${counted(concurrency, 'slice', 'slices')} of bulk work and ${counted(places, 'own task', 'own tasks')} at a time`,
  by: (backends: string) => `backend: ${backends}`,
  ago: (span: string) => `${span} ago`,
  task: (title: string, id: number) => `${title} (#${id})`,
  pages: 'Processes of pages',
  pagesNone: 'No process of pages has said that it is there.',
  processes: {
    names: { version: 'version', code: 'code of the admin' } as Readonly<Record<string, string>>,
    differsIn: (name: string, here: string, there: string) => `${name} ${here} (there ${there})`,
    another: (name: string) => `another ${name}`,
    differs: (
      other: { name: string; isWorker: boolean; hash: string },
      hash: string,
      parts: string,
    ) =>
      `Other than ${other.isWorker ? 'the worker' : 'the pages'} started last (${other.name}): ${parts}. Restart whichever is not as it should be. Settings ${hash}, there ${other.hash}.`,
  },
  queues: 'Queues',
  queueColumns: { queue: 'Queue', waiting: 'Waiting', running: 'Running' },
  queueGoesOn: 'Goes on',
  queuePaused: (who: string, at: string) => `Paused by ${who} since ${at}`,
  schedules: 'Schedules',
  schedulesNone: 'There is no schedule.',
  scheduleColumns: { name: 'Schedule', next: 'Next run', last: 'Last time' },
};
