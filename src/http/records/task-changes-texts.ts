const number = new Intl.NumberFormat('en');
const records = (count: number) => `${number.format(count)} ${count === 1 ? 'record' : 'records'}`;

/** The records that a task changed. */
export const taskChangeTexts = {
  heading: (title: string) => `What was changed: ${title}`,
  count: records,
  none: 'This task has changed nothing.',
  select: (count: number) => (count === 1 ? 'Select it in the list' : 'Select these in the list'),
  list: (count: number) => (count === 1 ? 'Show it in the list' : 'Show these in the list'),
  columns: { record: 'Record', values: 'Before and after' },
  unseen: (count: number) =>
    `${records(count)} on this page ${count === 1 ? 'is' : 'are'} not yours to see.`,
  gone: 'no longer there',
  emptied: 'The values are no longer kept.',
  created: 'Brought back',
  nothing: 'empty',
  whole: 'all of it',
  first: 'First records',
  next: 'Next records',
  pages: 'Pages',
};
