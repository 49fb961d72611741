const number = new Intl.NumberFormat('en');
const rough = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });
const countText = ({ value, isExact }: { value: number; isExact: boolean }) =>
  isExact ? number.format(value) : `about ${rough.format(value)}`;
const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export const listTexts = {
  deleted: 'Deleted',
  putAwayLink: 'Put away',
  create: (singular: string) => `New ${singular.toLowerCase()}`,
  search: (label: string) => `Search ${label.toLowerCase()}`,
  searchButton: 'Search',
  moreFilters: 'Filter and sort',
  apply: 'Apply',
  any: 'Any',
  yes: 'Yes',
  no: 'No',
  from: 'From',
  to: 'To',
  activeFilters: 'Active filters',
  removeFilter: (text: string) => `Remove the filter ${text}`,
  clearFilters: 'Clear all',
  sortBy: (label: string, descending: boolean) =>
    `Sort by ${label}, ${descending ? 'descending' : 'ascending'}`,
  actions: 'Actions',
  edit: (title: string) => `Edit ${title}`,
  delete: (title: string) => `Delete ${title}`,
  putAway: (title: string) => `Put ${title} away`,
  locked: (who: string, task: string, percent: number) => `${who}: ${task}, ${percent} %`,
  lockedLabel: (title: string, who: string, task: string) => `${title} is locked: ${who}, ${task}`,
  /** `1,234`, `about 1,230,000`. */
  count: countText,
  range: (from: number, to: number, of: string) =>
    `${number.format(from)}–${number.format(to)} of ${of}`,
  some: (count: number, of: string) => `${number.format(count)} of ${of}`,
  countExactly: 'Count exactly',
  pageNumber: (page: number) => `Page ${number.format(page)}`,
  pages: 'Pages',
  first: 'First page',
  previous: 'Previous page',
  next: 'Next page',
  last: 'Last page',
  page: 'Page',
  pageOf: (pages: number) => `of ${number.format(pages)}`,
  goTo: 'Go',
  perPage: 'Per page',
  perPageOf: (size: number) => `${size} per page`,
  emptyAll: (label: string) => `There are no ${label.toLowerCase()} yet.`,
  emptyFiltered: (label: string) => `No ${label.toLowerCase()} match these filters.`,
  emptyPage: (page: number) => `There is no page ${number.format(page)}.`,
  emptyPlace: 'There is nothing here any more.',
  toLastPage: 'Go to the last page',
  invalidHeading: 'This filter cannot be used',
  noPlaceHeading: 'There is no such place in this list',
  invalidHint: 'No records are shown until it is right.',
  reset: 'Show everything',
};

export const selectionTexts = {
  tick: (title: string) => `Select ${title}`,
  tickPage: 'Select all on this page',
  none: 'Nothing selected',
  count: (count: Parameters<typeof countText>[0]) => `${sentence(countText(count))} selected`,
  all: (count: Parameters<typeof countText>[0], label: string) =>
    count.isExact
      ? `All ${countText(count)} matching ${label.toLowerCase()} selected`
      : `All matching ${label.toLowerCase()} selected, ${countText(count)}`,
  excluded: (count: number) => `${number.format(count)} excluded`,
  selectMatching: (count: Parameters<typeof countText>[0]) =>
    count.isExact
      ? `Select all ${countText(count)} matching`
      : `Select all matching, ${countText(count)}`,
  clear: 'Clear',
  submitTicked: 'Select ticked',
  ended: 'The filter changed, so “all matching” is no longer selected.',
  gone: 'This selection is no longer there.',
  failed: 'That could not be selected. Nothing was changed; try again.',
  region: 'Selection',
};
