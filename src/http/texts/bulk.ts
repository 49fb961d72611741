const number = new Intl.NumberFormat('en');

function named(count: number, singular: string, plural: string): string {
  return `${number.format(count)} ${(count === 1 ? singular : plural).toLowerCase()}`;
}

export const bulkTexts = {
  editHeading: (count: number, singular: string, plural: string) => `Edit ${named(count, singular, plural)}`,
  deleteHeading: (count: number, singular: string, plural: string) => `Delete ${named(count, singular, plural)}`,
  inline: 'All or nothing: if one record is refused, none is changed.',
  background: 'In the background: the good ones are kept, refused ones are named.',
  inlineDelete: 'All or nothing: if one record is refused, none is deleted.',
  chooseFields: 'Tick the fields to change',
  fieldHint: 'Fields that are not ticked stay as they are.',
  change: (label: string) => `What to do with ${label}`,
  choose: 'Choose…',
  showInputs: 'Show its inputs',
  preview: 'Preview',
  reason: 'Reason',
  reasonOptional: 'Reason (may be left empty)',
  submitEdit: (count: number, singular: string, plural: string) => `Change ${named(count, singular, plural)}`,
  submitDelete: (count: number, singular: string, plural: string) => `Delete ${named(count, singular, plural)}`,
  acknowledge: (count: number, singular: string, plural: string) => `Yes, delete ${named(count, singular, plural)}`,
  deleteWarning: 'They are removed from the database. Undo can put them back, but not what is deleted along with them.',
  dismiss: 'Cancel',
  sending: 'Sending…',
  refusedHeading: 'Rolled back: 0 records changed',
  refusedReasons: 'Refused records',
  refusedMore: (count: number) => `and ${number.format(count)} more`,
  overlapHeading: 'Somebody is already changing some of these records',
  holder: (who: string, title: string, done: string, total: string) => `${who}: “${title}”, ${done} of ${total} done.`,
  overlapHint: 'Nothing was changed. Try again when it has finished.',
  changedHeading: 'Your selection changed',
  goneHeading: 'This form is no longer valid',
  emptyHeading: 'Nothing is selected',
  nothingSelected: 'Select records in the list first.',
  openAgain: 'Open the form again',
  backToList: (label: string) => `Back to ${label.toLowerCase()}`,
  showTask: 'Show the task',
  alreadySent: 'This form had already been sent. This is the task it started.',
  launched: (records: string) => `Processing ${records} in the background`,
  and: (names: string, more: number) => (more > 0 ? `${names} and ${number.format(more)} more` : names),
};
