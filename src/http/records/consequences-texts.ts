const number = new Intl.NumberFormat('en');
const list = new Intl.ListFormat('en');
const counted = (count: number, isMore: boolean) =>
  `${isMore ? 'at least ' : ''}${number.format(count)}`;

export const consequenceTexts = {
  records: (count: number, isMore: boolean, singular: string, plural: string) =>
    `${counted(count, isMore)} ${(count === 1 && !isMore ? singular : plural).toLowerCase()}`,
  rows: (count: number, isMore: boolean, table: string) =>
    `${counted(count, isMore)} ${count === 1 && !isMore ? 'row' : 'rows'} of ${table}`,
  hidden: (count: number, isMore: boolean) =>
    `${counted(count, isMore)} ${count === 1 && !isMore ? 'record' : 'records'} that you may not see`,
  links: (count: number, isMore: boolean, label: string) =>
    `${counted(count, isMore)} ${count === 1 && !isMore ? 'link' : 'links'} to ${label.toLowerCase()}`,
  by: (columns: string) => `by ${columns}`,
  more: (count: number, isMore: boolean) => `and ${counted(count, isMore)} more`,
  deleted: 'Deleted along with it',
  deletedMany: 'Deleted along with them',
  cleared: 'Kept, but no longer leading here',
  forbidding: 'In the way',
  forbiddingNote:
    'These lead here and cannot do without. Delete them first, or let them lead elsewhere.',
  forbiddingMany:
    'These lead to some of the records and cannot do without: such a record is refused.',
  amongThem: (columns: string) =>
    `Some of them lead to others of them by ${columns}. Of more than 1,000, or where one of them is refused, a record whose turn comes before that of those that lead to it may be refused, and goes when it is tried again.`,
  nothing: 'Nothing else is touched.',
  putAway: 'Nothing is deleted: what leads here stays as it is.',
  partial: 'Not everything could be looked at: there may be more than is shown.',
  undoable: (days: number, cascade: readonly string[]) =>
    `Can be undone for ${counted(days, false)} ${days === 1 ? 'day' : 'days'}${cascade.length > 0 ? `, together with ${list.format(cascade)}` : ''}.`,
  undoableNote: (max: number) =>
    `A record that takes more than ${counted(max, false)} others along cannot be brought back.`,
  clearedNote: 'What is kept but no longer leads here stays so, also after an undo.',
  notUndoable: (cascade: readonly string[]) =>
    `Cannot be undone${cascade.length > 0 ? `: it also removes ${list.format(cascade)}` : ''}.`,
  whyNotUndoable: {
    deep: (table: string) =>
      `What goes along is kept up to two levels deep, and ${table} would be the third.`,
    circle: (table: string) =>
      `What goes along is not kept where it leads in a circle, as ${table} does.`,
    'no-record': (table: string) =>
      `What goes along is kept where it has pages here, and ${table} has none.`,
    heirs: (table: string) =>
      `Which table a record is of is not kept, and ${table} inherits from another here.`,
    tooMany: (max: number) =>
      `Of what goes along with a record up to ${counted(max, false)} are kept.`,
    forbidden:
      'Who brings them back must be allowed to delete what goes along with them too, and you are not.',
  },
  slow: (columns: string) => `This may be slow: there is no index on ${columns}.`,
};
