import { AppError } from '../errors.ts';
import {
  pauseSchedule,
  resumeSchedule,
  runSchedule,
} from '../tasks/schedules/control-schedules.ts';
import { listSchedules, type ScheduleInfo } from '../tasks/schedules/list-schedules.ts';
import { asOperator, named } from './as-operator.ts';
import { type Command, ofAdmin, say } from './command.ts';

export const scheduleCommands: Readonly<Record<string, Command>> = {
  'schedules list': {
    says: 'Lists what runs at its times: when next, and how the latest runs ended.',
    options: ofAdmin,
    gives: '`{ schedules }`',
    run: (typed, config) =>
      asOperator(typed, config, async (context, principal) => {
        const schedules = await listSchedules(context, principal);
        for (const schedule of schedules) say(lineOf(schedule));
        if (schedules.length === 0) say('There are no schedules.');
        return { schedules };
      }),
  },
  'schedules pause': turning(
    'Leaves out the times of a schedule until it is resumed.',
    pauseSchedule,
    { isPaused: true, words: 'is paused' },
  ),
  'schedules resume': turning(
    'Lets a schedule go on with its first time after now.',
    resumeSchedule,
    { isPaused: false, words: 'goes on' },
  ),
  'schedules run': {
    says: 'Has a schedule run now, its own times apart: a worker launches it.',
    takes: 'NAME',
    options: ofAdmin,
    gives: '`{ name, dueAt }`',
    run: (typed, config, words) =>
      asOperator(typed, config, async (context, principal) => {
        const name = oneName(words);
        const dueAt = await named(`schedule ${name}`, () => runSchedule(context, principal, name));
        say(`${name} is due at ${dueAt.toISOString()}: a worker launches it.`);
        return { name, dueAt };
      }),
  },
};

/** A command after which a schedule is paused, or is not. */
function turning(
  says: string,
  turn: typeof pauseSchedule | typeof resumeSchedule,
  { isPaused, words: becomes }: { isPaused: boolean; words: string },
): Command {
  return {
    says,
    takes: 'NAME',
    options: ofAdmin,
    gives: '`{ name, isPaused }`',
    run: (typed, config, words) =>
      asOperator(typed, config, async (context, principal) => {
        const name = oneName(words);
        await named(`schedule ${name}`, () => turn(context, principal, name));
        say(`${name} ${becomes}.`);
        return { name, isPaused };
      }),
  };
}

function oneName(words: readonly string[]): string {
  const [name, ...more] = words;
  if (name === undefined || more.length > 0)
    throw new AppError('usage', 500, 'Name one schedule. See --help.');
  return name;
}

function lineOf({ name, cron, timeZone, nextAt, isPaused, isParked, runs }: ScheduleInfo): string {
  const [latest] = runs;
  const next = isParked
    ? 'in the code no more'
    : isPaused
      ? 'paused'
      : nextAt
        ? `next ${nextAt.toISOString()}`
        : 'no time comes';
  const last = latest ? `latest ${latest.dueAt.toISOString()} ${latest.state}` : 'has not run yet';
  return [name, cron, timeZone, next, last].join('  ');
}
