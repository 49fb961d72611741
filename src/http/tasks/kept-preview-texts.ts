const number = new Intl.NumberFormat('en');
const records = (count: number) => `${number.format(count)} ${count === 1 ? 'record' : 'records'}`;

/** What somebody was shown when they confirmed a task, on its page. */
export const keptPreviewTexts = {
  heading: 'What was shown before',
  note: (at: string) => `As it was when this was confirmed, ${at}.`,
  changed: (count: number) => `${records(count)} would have been changed`,
  unchanged: (count: number) => `${records(count)} already so`,
  refused: (count: number) => `${records(count)} would have been refused`,
  held: (count: number) => `${records(count)} held by other tasks`,
  busy: (count: number) => `${records(count)} being edited`,
  missing: (count: number) => `${records(count)} gone, or out of reach`,
  along: (count: number) => `${records(count)} written along`,
  ofReason: (message: string, count: number) => `${message} (${number.format(count)})`,
  sample: (tried: number, count: number) =>
    `A sample: ${number.format(tried)} of ${records(count)} were tried.`,
  all: (count: number) => `All ${records(count)} were tried.`,
  untried: 'There was no time to try any.',
  rows: (count: number) =>
    count === 1
      ? 'The first one, as it was then'
      : `The first ${number.format(count)}, as they were then`,
  emptied: 'The records themselves are kept no longer.',
  record: 'Record',
  outcome: 'Outcome',
  fates: {
    changed: 'Would change',
    unchanged: 'Already so',
    refused: 'Refused',
    held: 'Held',
    busy: 'Being edited',
    unknown: 'Not tried',
  },
  matched: (tasks: string) => `${tasks} matched.`,
};
