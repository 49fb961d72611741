const number = new Intl.NumberFormat('en');

export const activityTexts = {
  heading: 'My activity',
  intro: 'What you launched, and what you changed by forms.',
  tasks: 'My tasks',
  tasksNone: 'You have launched no task yet.',
  unfinished: (count: number) => `All ${number.format(count)} that have not ended`,
  tasksOlder: 'Older tasks',
  tasksNewest: 'Newest tasks',
  undo: 'Undo…',
  undoOf: (title: string) => `Undo: ${title}`,
  all: 'In the list of tasks',
  changes: 'My changes by forms',
  changesNone: 'You have changed no record by a form since Bulkhead keeps the history.',
  changesOlder: 'Older changes',
  changesNewest: 'Newest changes',
  did: { create: 'Created', update: 'Changed', delete: 'Deleted' },
  hidden: 'a record that you do not see',
  fields: (labels: string) => `in ${labels}`,
  reason: (reason: string) => `Reason: ${reason}`,
};
