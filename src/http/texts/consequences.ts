const number = new Intl.NumberFormat('en');
const counted = (count: number, isMore: boolean) => `${isMore ? 'at least ' : ''}${number.format(count)}`;

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
  forbiddingNote: 'These lead here and cannot do without. Delete them first, or let them lead elsewhere.',
  forbiddingMany: 'These lead to some of the records and cannot do without: such a record is refused.',
  nothing: 'Nothing else is touched.',
  partial: 'Not everything could be looked at: there may be more than is shown.',
  slow: (columns: string) => `This may be slow: there is no index on ${columns}.`,
};
