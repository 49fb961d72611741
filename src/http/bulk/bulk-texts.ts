const number = new Intl.NumberFormat('en');

export const bulkTexts = {
  /** `12 cities`, of the number in other words too: `up to 1,200 cities`. */
  records: (
    count: number,
    { singular, label }: { singular: string; label: string },
    counted = number.format(count),
  ) => `${counted} ${(count === 1 ? singular : label).toLowerCase()}`,
  background: 'In the background: the good ones are kept, refused ones are named.',
  putOff:
    'In the background, since many changes are being made at once right now: the good ones are kept, refused ones are named.',
  chooseFields: 'Tick the fields to change',
  fieldHint: 'Fields that are not ticked stay as they are.',
  change: 'What to do',
  choose: 'Choose…',
  showInputs: 'Show its inputs',
  preview: 'Preview',
  reason: 'Reason',
  reasonOptional: 'Reason (may be left empty)',
  leftOut: (count: number) =>
    `${number.format(count)} ${count === 1 ? 'record is' : 'records are'} left out, as on the preview.`,
  options: {
    carried: (words: readonly string[]) => `As chosen on the preview: ${words.join('; ')}.`,
    background: 'in the background',
    skipChanged: 'skip records that somebody changes meanwhile',
    overlap: {
      skip: 'go on without records that another task holds',
      wait: 'wait for other tasks that hold records',
    },
    stop: (percent: number) => `stop when more than ${number.format(percent)} % are refused`,
  },
  deleteWarning: 'They are removed from the database.',
  putAwayWarning: 'They are put away, and not deleted.',
  deleteHopeless:
    'All or nothing, and some are in the way: none would be deleted. A preview tells which, and leaves them out.',
  dismiss: 'Cancel',
  refusedHeading: 'Rolled back: 0 records changed',
  refusedReasons: 'Failed records',
  refusedMore: (count: number) => `and ${number.format(count)} more`,
  overlapHeading: 'Somebody is already changing some of these records',
  holder: (who: string, title: string, done: string, total: string) =>
    `${who}: “${title}”, ${done} of ${total} done.`,
  holderSeen: (who: string) => `By ${who}`,
  overlapHint: 'Nothing was changed, and what you asked for is kept. Go on when it has finished.',
  freeHeading: 'It is free now',
  freeNote: 'What was in the way has ended. What you asked for is kept: go on with it.',
  goOn: 'Go on with what you asked for',
  changedHeading: 'Your selection changed',
  goneHeading: 'This form is no longer valid',
  emptyHeading: 'Nothing is selected',
  nothingSelected: 'Select records in the list first.',
  openAgain: 'Open the form again',
  backToList: (label: string) => `Back to ${label.toLowerCase()}`,
  and: (names: string, more: number) =>
    more > 0 ? `${names} and ${number.format(more)} more` : names,
};
