import type { TaskSort } from '../../tasks/looking/find-tasks.ts';

const number = new Intl.NumberFormat('en');

export const dashboardTexts = {
  filter: 'Filter',
  filterButton: 'Show the tasks',
  anyOf: 'any',
  fields: {
    kind: 'Kind',
    resource: 'Resource',
    person: 'Person',
    reason: 'Reason',
    acknowledged: 'Seen to',
    queue: 'Queue',
    worker: 'Worker',
    schedule: 'Schedule',
    parent: 'Part of task',
    record: 'Record',
    from: 'Asked for from',
    to: 'Asked for until',
    _q: 'Text',
  },
  hints: {
    person: 'The whole name',
    queue: 'bulk, default, …',
    parent: 'Its number',
    record: 'cities/42',
    _q: (count: number) => `In the newest ${number.format(count)}`,
  },
  acknowledged: { no: 'By nobody', yes: 'By somebody' },
  kinds: { bulk: 'Bulk work', own: 'Background tasks' },
  state: 'State',
  sort: 'Sort',
  sorts: {
    newest: 'Newest first',
    oldest: 'Oldest first',
    ended: 'Last ended first',
  } satisfies Record<TaskSort, string>,
  chips: 'Filtered by',
  chip: (label: string, value: string) => `${label}: ${value}`,
  remove: (label: string) => `Do not filter by ${label}`,
  removeAll: 'Show all tasks',
  moreThan: (count: number) => `${number.format(count)}+`,
  count: (count: number) => number.format(count),
  pageFrom: (from: number, to: number, total: string) =>
    `${number.format(from)}–${number.format(to)} of ${total}`,
  previous: 'Previous',
  next: 'Following',
  none: 'No task matches.',
  workerOf: (host: string, pid: number) => `${host}, process ${pid}`,
};
