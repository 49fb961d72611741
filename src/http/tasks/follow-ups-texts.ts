type N = (count: number) => string;
const number = new Intl.NumberFormat('en');
const list = new Intl.ListFormat('en');
const records: N = (count) => `${number.format(count)} ${count === 1 ? 'record' : 'records'}`;

/** Pause, resume, retry and undo. */
export const followUpTexts = {
  pause: 'Pause',
  resume: 'Resume',
  retryAll: (count: number) => `Retry ${records(count)}`,
  retryReason: (count: number) => `Retry ${number.format(count)} of this reason`,
  undo: 'Undo…',
  acknowledge: 'I have seen to it',
  withdraw: 'Nobody has seen to it',
  acknowledgedBy: (name: string, at: string) => `${name} has seen to it, ${at}.`,
  acknowledged: (name: string) => `Seen to by ${name}`,
  showAll: 'Show all as a list',
  /** `Show the 87 records`. */
  showChanged: (count: number) => (count === 1 ? 'Show the record' : `Show the ${records(count)}`),
  csv: 'Download as CSV',
  actions: 'What can be done now',
  parent: {
    undo: (id: number) => `Takes back task ${id}`,
    retry: (id: number) => `Retries task ${id}`,
  },
  child: {
    undo: (id: number, state: string) => `Undone by task ${id} (${state.toLowerCase()})`,
    retry: (id: number, state: string) => `Retried by task ${id} (${state.toLowerCase()})`,
  },
  task: (id: number) => `task ${id}`,
  blockedBy: (id: number) => `Waits until task ${id} is finished, and holds nothing meanwhile.`,
  startsOver: (id: number) =>
    `What task ${id} did is taken back first. It begins when that is done, and holds nothing meanwhile.`,
  backToTask: (id: number) => `Back to task ${id}`,
  failuresHeading: (title: string) => `Failed: ${title}`,
  selectFailed: (count: number) =>
    count === 1 ? 'Select it in the list' : 'Select these in the list',
  listFailed: (count: number) => (count === 1 ? 'Show it in the list' : 'Show these in the list'),
  changeFailed: (count: number) =>
    count === 1
      ? 'Change it in another way'
      : `Change these ${number.format(count)} in another way`,
  retryHint:
    'A rule that refused them will refuse them again, unless it or the records were changed since.',
  failuresOf: (count: number) => records(count),
  anyReason: (count: number) => `Every reason (${number.format(count)})`,
  reason: (message: string, count: number) => `${message} (${number.format(count)})`,
  reasons: 'Reasons',
  columns: {
    record: 'Record',
    reason: 'Reason',
    values: 'Now, and as it was to be',
    field: 'Field',
    code: 'Code',
  },
  noFailures: 'No record failed.',
  next: 'Next',
  first: 'Back to the first',
  undoHeading: (title: string, id: number) => `Undo task ${id}: ${title}`,
  undoIntro:
    'Every record goes back to what it was before this task, unless it was edited since. The undo is a task of its own and can be undone too.',
  undoByCode: 'The code of this task takes back what it did',
  undoByCodeIntro: 'The undo is a task of its own, of which this page says nothing beforehand.',
  undoSample: (judged: number, total: number) =>
    `A sample: the first ${number.format(judged)} of ${records(total)} were looked at. The undo itself looks at each.`,
  restored: (count: number, cascade: readonly string[]) =>
    `${records(count)} would be put back${cascade.length > 0 ? `, together with ${list.format(cascade)}` : ''}`,
  ofKind: (count: number, singular: string, plural: string) =>
    `${number.format(count)} ${(count === 1 ? singular : plural).toLowerCase()}`,
  restoredNone: 'No record would be put back',
  unchanged: (count: number) => `${records(count)} already as before`,
  gone: (count: number) => `${records(count)} no longer there`,
  refused: (count: number) => `${records(count)} would be refused, and stay as they are`,
  more: (count: number) => `and ${number.format(count)} more`,
  undoAll: (count: number) => `Undo ${records(count)}`,
  tickedElsewhere: (count: number) => `${records(count)} ticked on other pages`,
  undoChosen: 'Undo the ticked',
  chooseHeading: 'Only some of them',
  chooseNote: 'Tick the records to put back. What is not ticked stays as the task left it.',
  chooseNone: 'Tick at least one record, or undo all of them.',
  tick: (title: string) => `Choose ${title}`,
  cancel: 'Leave it as it is',
};
