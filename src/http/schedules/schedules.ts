import type { ScheduleInfo, ScheduleRun } from '../../tasks/schedules/list-schedules.ts';
import { formatTimestamp, isoTime } from '../format-span.ts';
import { type Badge, badgeOf } from '../tasks/badge.ts';
import type { Url } from '../url.ts';
import { scheduleTexts } from './schedules-texts.ts';

/** What became of one time. */
export interface RunLine {
  when: string;
  whenIso: string;
  /** Of its task; null: it has none. */
  task: { href: string; label: string; badge: Badge | null } | null;
  state: string;
  icon: string;
  isBad: boolean;
  note: string | null;
}

export interface ScheduleLine {
  name: string;
  line: string;
  next: { text: string; iso: string | null };
  runs: readonly RunLine[];
  acts: readonly { href: string; label: string; about: string; icon: string }[];
}

export interface SchedulesData {
  title: string;
  intro: string;
  lines: readonly ScheduleLine[];
  emptyText: string;
  back: { href: string; label: string };
  words: typeof scheduleTexts.columns & { noRuns: string };
}

interface ScheduleParts {
  now: Date;
  timeZone: string;
  url: Url;
  /** Are they followed? Not where nothing runs in the background. */
  areFollowed: boolean;
}

export function schedulesData(
  schedules: readonly ScheduleInfo[],
  parts: ScheduleParts,
): SchedulesData {
  return {
    title: scheduleTexts.heading,
    intro: parts.areFollowed ? scheduleTexts.intro : scheduleTexts.off,
    lines: schedules.map((schedule) => scheduleLine(schedule, parts)),
    emptyText: scheduleTexts.none,
    back: { href: parts.url('/tasks'), label: scheduleTexts.tasks },
    words: { ...scheduleTexts.columns, noRuns: scheduleTexts.noRuns },
  };
}

function scheduleLine(schedule: ScheduleInfo, parts: ScheduleParts): ScheduleLine {
  const { name, cron, timeZone, isPaused, isParked } = schedule;
  const act = (path: string, label: string, icon: string) => ({
    href: parts.url(`/tasks/schedules/${encodeURIComponent(name)}/${path}`),
    label,
    about: scheduleTexts.about(label, name),
    icon,
  });
  const turn = isPaused
    ? act('resumption', scheduleTexts.resume, 'play')
    : act('pause', scheduleTexts.pause, 'pause');
  return {
    name,
    line: scheduleTexts.line(cron, timeZone),
    next: nextOf(schedule, parts),
    runs: schedule.runs.map((run) => runLine(run, parts)),
    acts: isParked
      ? []
      : [...(parts.areFollowed ? [act('run', scheduleTexts.run, 'zap')] : []), turn],
  };
}

function nextOf(
  { isParked, isPaused, pausedBy, nextAt, runs }: ScheduleInfo,
  { now, timeZone }: ScheduleParts,
): ScheduleLine['next'] {
  if (nextAt) return { text: formatTimestamp(nextAt, now, timeZone), iso: isoTime(nextAt) };
  if (isParked) return { text: scheduleTexts.parked, iso: null };
  if (isPaused)
    return {
      text: pausedBy ? scheduleTexts.pausedBy(pausedBy.name) : scheduleTexts.paused,
      iso: null,
    };
  return { text: runs.length > 0 ? scheduleTexts.never : scheduleTexts.unseen, iso: null };
}

const icons: Record<ScheduleRun['state'], string> = {
  due: 'clock',
  launched: 'circle-check',
  skipped: 'skip-forward',
  missed: 'circle-x',
  stopped: 'triangle-alert',
  refused: 'ban',
};

function runLine(run: ScheduleRun, { now, timeZone, url }: ScheduleParts): RunLine {
  const { dueAt, state, taskId, taskState, count, by } = run;
  const said = [
    state === 'missed' ? scheduleTexts.missed(count ?? 1) : run.message,
    state === 'launched' && count !== null ? scheduleTexts.records(count) : null,
    by ? scheduleTexts.byHand(by.name) : null,
  ];
  return {
    when: formatTimestamp(dueAt, now, timeZone),
    whenIso: isoTime(dueAt),
    task:
      taskId === null
        ? null
        : {
            href: url(`/tasks/${taskId}`),
            label: scheduleTexts.task(taskId),
            badge: taskState && badgeOf(taskState),
          },
    state: scheduleTexts.states[state],
    icon: icons[state],
    isBad: state === 'missed' || state === 'stopped' || state === 'refused',
    note: said.filter((text) => text !== null).join(' · ') || null,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'schedules/index': SchedulesData;
  }
}
