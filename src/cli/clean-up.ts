import { type CleanedUp, cleanUp, countCleanUp } from '../tasks/worker/clean-up.ts';
import { asOperator } from './as-operator.ts';
import { type Command, ofAdmin, say } from './command.ts';

const words: Record<keyof CleanedUp, [one: string, more: string]> = {
  workers: ['worker that is dead or hangs', 'workers that are dead or hang'],
  slots: ['place at a task of such a worker', 'places at tasks of such workers'],
  sessions: ['session of a person that has run out', 'sessions of people that have run out'],
  deliveries: [
    'delivery to a hook that there is no more',
    'deliveries to hooks that there are no more',
  ],
  hooks: ['hook that there is no more', 'hooks that there are no more'],
  notices: ['notice', 'notices'],
  alerts: ['alert that is over', 'alerts that are over'],
  runs: ['run of a schedule', 'runs of schedules'],
  images: [
    'change that can no longer be undone (its images)',
    'changes that can no longer be undone (their images)',
  ],
  shown: ['preview that was kept with a task', 'previews that were kept with tasks'],
  changes: ['change (its history)', 'changes (their history)'],
  tasks: ['finished task', 'finished tasks'],
  selections: ['selection', 'selections'],
  previews: ['preview that nobody confirmed', 'previews that nobody confirmed'],
  entries: ['entry of the audit', 'entries of the audit'],
};

export const cleanUpCommands: Readonly<Record<string, Command>> = {
  cleanup: {
    says: 'Takes from dead workers what they held, and forgets what was kept long enough: what workers do by themselves, at their start and again and again.',
    options: {
      'dry-run': { type: 'boolean', says: 'says what would go, and changes nothing' },
      ...ofAdmin,
    },
    gives: '`{ isDryRun, counts }`, by what it is',
    run: (typed, config) =>
      asOperator(typed, config, async (context) => {
        const isDryRun = typed['dry-run'] === true;
        const counts = await (isDryRun ? countCleanUp : cleanUp)(context);
        const lines = Object.entries(counts).flatMap(([name, count]) => {
          const [one, more] = words[name as keyof CleanedUp];
          return count === 0 ? [] : [`  ${count.toLocaleString('en')} ${count === 1 ? one : more}`];
        });
        if (lines.length === 0) say('There is nothing to clean up.');
        else say([isDryRun ? 'Would go:' : 'Gone:', ...lines].join('\n'));
        return { isDryRun, counts };
      }),
  },
};
