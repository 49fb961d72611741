const number = new Intl.NumberFormat('en');

/** The records of one chunk of a task. */
export const taskChunkTexts = {
  heading: (from: number, to: number, title: string) =>
    `Records ${number.format(from)} to ${number.format(to)}: ${title}`,
  one: (place: number, title: string) => `Record ${number.format(place)}: ${title}`,
  waiting: 'It has not been worked on.',
  failed: 'Failed records',
  failedMore: (count: number) =>
    `The first ${number.format(count)}; the list of all failed records has the others.`,
  allFailed: 'All failed records of the task',
  changed: 'What was changed',
  nothing: 'Nothing was changed here.',
  columns: { record: 'Record', reason: 'Reason' },
  previous: 'Chunk before',
  next: 'Chunk after',
  chunks: 'Chunks',
};
