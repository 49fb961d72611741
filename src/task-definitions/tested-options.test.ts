import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTexts } from '../testing/read-texts.ts';
import { testTitles } from '../testing/test-titles.ts';
import type { Unique } from '../unique.ts';
import type { Backoff, Concurrency, Rate, TaskOptions } from './define-task.ts';
import type { LaunchButton } from './launch-button.ts';

type NamesOf<T> = T extends unknown ? keyof T & string : never;
type Members = {
  backoff: Backoff;
  concurrency: Concurrency<unknown>;
  launchable: LaunchButton;
  locks: NonNullable<TaskOptions['locks']>;
  rate: Rate<unknown>;
  unique: Unique<unknown>;
};
/** What can be said in `defineTask`: its options, and members of those that are objects. */
type OptionName =
  | Exclude<keyof TaskOptions, keyof Members>
  | { [K in keyof Members]: `${K}.${NamesOf<Members[K]>}` }[keyof Members];

const own = 'src/tasks/own';

const files = {
  affects: `${own}/affects.db.test.ts`,
  backend: 'src/tasks/choose-backend.db.test.ts',
  backoff: `${own}/backoff.db.test.ts`,
  buttons: 'src/http/tasks/launch-routes.db.test.ts',
  isolated: `${own}/isolated.db.test.ts`,
  kept: `${own}/kept-results.db.test.ts`,
  manager: 'src/task-manager.db.test.ts',
  notify: 'src/channels/rules.db.test.ts',
  own: `${own}/own-tasks.db.test.ts`,
  rules: `${own}/launch-rules.db.test.ts`,
  secrets: `${own}/secret-params.db.test.ts`,
  time: `${own}/limits-of-time.db.test.ts`,
  undo: 'src/tasks/follow-ups/undo-run.db.test.ts',
  versions: `${own}/versions.db.test.ts`,
} as const;

const limited = 'no more run at a time than may, in all workers together, counted by key';
const rare = 'no more are started in a span than may be, counted by key';
const again =
  'a task that failed is tried again later each time, as its definition says or twice as late, and not with all others';
const same = 'the same that is under way is given again, and another is not the same';
const button =
  'a button stands where its definition says, for whom both rules let, and nowhere else';
const pressed =
  'from the record and the form one task is launched, about the record, which is set with it';

/** The test that fails where an option is left unheeded. */
const testOf: Readonly<Record<OptionName, readonly [file: keyof typeof files, title: string]>> = {
  name: [
    'manager',
    'code launches, follows, waits for and cancels tasks over the database of pages and workers',
  ],
  params: ['own', 'what cannot be launched is refused by name, and nothing is written'],
  version: ['versions', 'a task of a later version waits for a worker that knows it'],
  migrate: [
    'versions',
    'a task that was launched with a version before runs with what is migrated and validated',
  ],
  secret: ['secrets', 'what is secret is given to the run, and is nowhere else'],
  title: ['own', 'a task of one’s own is launched, told of, and kept with its result'],
  attempts: [
    'own',
    'what throws before the run is called is an attempt that failed, and leaves no place taken',
  ],
  'backoff.firstMs': ['backoff', again],
  'backoff.factor': ['backoff', again],
  'backoff.maxMs': ['backoff', again],
  retryOn: [
    'own',
    'a failed attempt is tried again, later each time, and the last one ends the task',
  ],
  priority: [
    'rules',
    'the greatest priority is taken first, that of a launch before that of its definition',
  ],
  softLimitMs: [
    'time',
    'past its soft limit a run is asked to stop: what it throws then is an attempt that failed, what it returns is success',
  ],
  hardLimitMs: [
    'time',
    'a run deaf to its signal writes nothing more past its hard limit, and is tried again when it has returned',
  ],
  isolate: [
    'isolated',
    'a task that is isolated runs in a process of its own, which ends with it however it ends',
  ],
  maxMemoryMb: [
    'isolated',
    'a task that is isolated runs in a process of its own, which ends with it however it ends',
  ],
  graceMs: [
    'isolated',
    'a task that is isolated runs in a process of its own, which ends with it however it ends',
  ],
  keepResult: [
    'own',
    'every run goes through what the project puts around it, and what a run returns is kept only where it is to be',
  ],
  resultReuseMs: [
    'kept',
    'a launch of the same is answered with an earlier success while that is good',
  ],
  notify: ['notify', 'the nearest of task, resource and admin says who is told'],
  keepMs: ['kept', 'a task is kept as long as its definition says, or the setting'],
  backend: ['backend', 'a function chooses for each launch, by what it is told of it'],
  queue: ['rules', 'a worker takes of the queues that it listens to'],
  'concurrency.max': ['rules', limited],
  'concurrency.key': ['rules', limited],
  'rate.max': ['rules', rare],
  'rate.perMs': ['rules', rare],
  'rate.key': ['rules', rare],
  'unique.key': ['rules', same],
  'unique.policy': ['rules', 'the same is refused, by name of the task that is under way'],
  expireAfterMs: ['rules', 'what has not begun in time is not begun, what has begun goes on'],
  affects: [
    'affects',
    'two that affect the same never run at once: the other waits without a place, is no attempt and has not begun',
  ],
  overlap: ['affects', 'it fails at once, with the holder named, where the definition refuses'],
  'locks.off': [
    'affects',
    'one launched without locks, or whose definition turns them off, holds nothing and waits for nobody',
  ],
  allowed: ['own', 'what cannot be launched is refused by name, and nothing is written'],
  'launchable.on': ['buttons', button],
  'launchable.resource': ['buttons', button],
  'launchable.allowed': ['buttons', button],
  'launchable.label': ['buttons', button],
  'launchable.icon': ['buttons', button],
  'launchable.form': ['buttons', pressed],
  'launchable.params': ['buttons', pressed],
  'launchable.set': ['buttons', pressed],
  undo: [
    'undo',
    'the code of a task takes back what it did: with its result, steps of its own, tried again as any task',
  ],
  run: ['own', 'a task of one’s own is launched, told of, and kept with its result'],
};

test('each option of a task has a test that is there', async () => {
  const texts = await readTexts(...Object.values(files));
  const lost = Object.entries(testOf).filter(
    ([, [file, title]]) => !testTitles(texts.get(files[file]) ?? '').includes(title),
  );
  assert.deepEqual(lost, []);
});
