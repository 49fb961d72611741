import type { MatchingAct } from '../../tasks/matching/matching-acts.ts';

const number = new Intl.NumberFormat('en');
const shown = (value: number, isExact: boolean) => `${number.format(value)}${isExact ? '' : '+'}`;
const tasks = (value: number, isExact = true) =>
  `${shown(value, isExact)} ${value === 1 && isExact ? 'task' : 'tasks'}`;

interface ActTexts {
  /** On the page of tasks: `Cancel all 12 that match…` */
  button: (count: string) => string;
  title: (tasks: string) => string;
  /** What is done, on the page of the task that does it. */
  what: string;
  submit: (tasks: string) => string;
  acknowledge: (tasks: string) => string;
  notes: readonly string[];
  /** Of a task that would be, and of those that were. */
  would: string;
  done: (count: number) => string;
  wasDone: string;
}

/** What is done to all tasks that match a filter. */
export const matchingTexts = {
  count: shown,
  tasks,
  acts: {
    cancellation: {
      button: (count) => `Cancel all ${count} that match…`,
      title: (matching) => `Cancel ${matching} that match`,
      what: 'Cancels every task that matches',
      submit: (matching) => `Cancel ${matching}`,
      acknowledge: (matching) => `Yes, cancel ${matching}`,
      notes: [
        'What has not begun ends at once. What is at work is asked to stop, and what it has done stays done. Parts of a task are cancelled with it.',
      ],
      would: 'Would be cancelled',
      done: (count) => `${tasks(count)} cancelled, or asked to stop`,
      wasDone: 'Cancelled, or asked to stop',
    },
    retry: {
      button: (count) => `Try again all ${count} that match…`,
      title: (matching) => `Try ${matching} again that match`,
      what: 'Tries every task again that matches',
      submit: (matching) => `Try ${matching} again`,
      acknowledge: (matching) => `Yes, try ${matching} again`,
      notes: [
        'Each is tried again as by the button on its page: by a task of its own, which goes on where this one is cancelled.',
      ],
      would: 'Would be tried again',
      done: (count) => `${tasks(count)} tried again`,
      wasDone: 'Tried again',
    },
    acknowledgement: {
      button: (count) => `Say of all ${count} that I have seen to them…`,
      title: (matching) => `See to ${matching} that match`,
      what: 'Says of every task that matches that somebody has seen to it',
      submit: (matching) => `I have seen to ${matching}`,
      acknowledge: (matching) => `Yes, I have seen to ${matching}`,
      notes: ['Each names you as who has seen to it. It can be taken back on its page.'],
      would: 'Would be seen to',
      done: (count) => `${tasks(count)} seen to`,
      wasDone: 'Seen to',
    },
  } as const satisfies Record<MatchingAct, ActTexts>,
  all: 'What can be done to all that match',
  laterNote: 'Tasks that are launched from now on are left alone.',
  askedNote:
    'Each is asked again when its turn comes: what is no longer yours to do, or matches no more, is left alone and counted.',
  filter: 'Those that match',
  breakdown: 'By kind and state',
  kinds: { bulk: 'Bulk work', own: 'Background tasks' },
  columns: { kind: 'Kind', state: 'State', count: 'Tasks', task: 'Task', outcome: 'Outcome' },
  sample: (count: number) => (count === 1 ? 'The newest of them' : `The newest ${count} of them`),
  unacknowledged: 'Tick the box to confirm that all of them are meant.',
  none: 'No task matches that this can be done to.',
  dismiss: 'Back to the tasks',
  stale: (was: string, now: string) =>
    `${was} matched when this was shown, and now ${now} do. Nothing was started. This is how it would be now.`,
  noneNow: 'Nothing matches any more. Nothing was started.',
  badForm: 'This form is no longer valid. Open it again. Nothing was started.',
  upTo: (id: number) => `Up to task ${number.format(id)}`,
  heading: 'What became of those that matched',
  leftAlone: (words: string, count: number) => `${tasks(count)} left alone: ${words}`,
  ofReason: (words: string, count: number) => `${words} (${number.format(count)})`,
  noMore: (count: number) =>
    `${tasks(count)} of those that were shown had another state, or matched no more, before their turn came.`,
  noneYet: 'None has been come to yet.',
  showAll: 'Show them as a list',
  listTitle: (title: string) => `What became of them: ${title}`,
  any: (count: number) => `All (${number.format(count)})`,
  reasonsLabel: 'What became of them',
  unseen: 'A task that you may not see',
  followUp: (id: number) => `Task ${id}`,
  emptyList: 'There are none.',
  back: (id: number) => `Back to task ${id}`,
  next: 'Next',
  first: 'Back to the first',
  shownRows: (count: number) =>
    count === 1 ? 'The newest one, as it was then' : `The newest ${count}, as they were then`,
  reasons: {
    'task-finished': 'Had finished before',
    'not-finished': 'Had not finished',
    'not-found': 'No longer yours to see',
    'not-failed': 'Nothing of it had failed',
    'not-cancellable': 'What runs it cannot stop it',
    'nothing-to-retry': 'There is nothing to try again',
    'matches-no-more': 'Matched no more when its turn came',
    'under-way': 'Is being tried again already',
    'user-inactive': 'Its person may not sign in any more',
    forbidden: 'Not yours to do',
    acknowledged: 'Somebody had seen to it before',
    cancelling: 'Was being cancelled already',
    busy: 'Was in the middle of a step, and did not answer',
    error: 'An unexpected error, which the log has',
  } as Record<string, string>,
};
