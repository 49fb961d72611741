const number = new Intl.NumberFormat('en');

export const recordTexts = {
  newHeading: (singular: string) => `New ${singular.toLowerCase()}`,
  editHeading: (title: string) => `Edit ${title}`,
  deleteHeading: (title: string) => `Delete ${title}?`,
  deleteWarning: (singular: string, title: string) =>
    `The ${singular.toLowerCase()} “${title}” is removed from the database.`,
  consequences: 'What happens to other records',
  edit: 'Edit',
  history: 'History',
  related: 'Related records',
  tasks: 'Tasks',
  relatedCount: (count: number, isMore: boolean) => `${number.format(count)}${isMore ? '+' : ''}`,
  relatedNotCounted: 'not counted',
  relatedNotRead: 'To look for them took too long: no index leads to them.',
  relatedAll: (label: string) => `All ${label.toLowerCase()}`,
  empty: 'empty',
  deleteForbidden: (singular: string, title: string) =>
    `The ${singular.toLowerCase()} “${title}” cannot be deleted as it is.`,
  takenBy: (title: string) => `Show ${title}`,
  create: 'Create',
  save: 'Save',
  delete: 'Delete',
  deleteLink: 'Delete…',
  cancel: 'Cancel',
  back: (label: string) => `Back to ${label.toLowerCase()}`,
  /** To a record, by its title. */
  backTo: (title: string) => `Back to ${title}`,
  required: 'required',
  json: 'JSON',
  onePerLine: 'One value a line.',
  overfull: (count: number) =>
    `More than ${count} are linked: too many for a form. Change them from the other side.`,
  listKept: 'It has empty places, or lists in it, which no line can say: it stays as it is.',
  emptyText: 'an empty text, not nothing',
  longValue: (size: string) => `${size}: too long for this form, which leaves it as it is.`,
  editText: 'Edit this text',
  editOnItsOwn: (label: string) => `Edit ${label} on a page of its own`,
  wholeValue: 'Show the whole value',
  tooLarge: (size: string) => `This form is larger than ${size}. Nothing was saved.`,
  tooLargeField: (label: string, size: string) =>
    `${label} is too long: this form is larger than ${size}, and nothing was saved.`,
  tooLargeText: (label: string, size: string) => `${label} may have at most ${size}.`,
  fieldHeading: (label: string, title: string) => `${label} of ${title}`,
  idFixed: 'Cannot be changed.',
  secret: 'A secret: what is stored is not shown. Leave it empty to keep it, or type a new value.',
  secretSealed:
    'What you typed is kept and not shown. Leave it empty to use that, or type another.',
  secretKept: 'As it is',
  errors: (count: number) =>
    count === 1 ? 'One value needs attention' : `${count} values need attention`,
  staleHeading: 'Somebody else was faster',
  staleHint: 'Choose for each field which value is to stay, then save again.',
  conflictAt: (label: string) => `${label} has two values`,
  conflictLegend: 'Changed by somebody else meanwhile. Which value is to stay?',
  keepTheirs: 'Theirs',
  keepMine: 'Yours',
  wasBefore: (value: string) => `Before: ${value}`,
  nothing: 'nothing',
  refused: 'This could not be saved',
  created: (title: string) => `${title} was created.`,
  /** Who made a form stale. */
  staleBy: (who: string, at: string) => `It was ${who}, at ${at}.`,
  createdFor: (title: string) =>
    `${title} was created. Close this tab to go on where you came from: it can be chosen there.`,
  saved: (title: string) => `${title} was saved.`,
  unchanged: 'Nothing was different, so nothing was written.',
  deleted: (title: string) => `${title} was deleted.`,
  deletedLater: (title: string) =>
    `${title} is being deleted in the background: much goes along with it.`,
  lockedHeading: (title: string) => `${title} is locked`,
  lockedBy: (who: string, task: string) => `${who} is changing it with “${task}”.`,
  lockedSave:
    'What you typed was not saved. This page keeps it: save again when the record is free.',
  saveAgain: 'Save again',
  goneHeading: 'This record is not there any more',
  goneMessage:
    'There is nothing here, or it is not yours to see. Nothing was saved. This is what you typed:',
  lockedOpen: 'It can be edited as soon as its part of the task is done.',
  freeHeading: 'It is free again',
  freeNote: 'Nothing holds this record any more.',
  tryAgain: 'Try again',
};
