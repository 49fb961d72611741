import type { TaskEvent } from '../../task-definitions/task-hooks.ts';

const number = new Intl.NumberFormat('en');

/** Of the bell, and of what it says by a toast. */
export const bellTexts = {
  label: (count: number, isMore: boolean) =>
    count === 0
      ? 'Notices'
      : `Notices, ${number.format(count)}${isMore ? ' or more' : ''} not read`,
  more: (count: number) => `${number.format(count)}+`,
  many: (count: number) => `${number.format(count)} tasks have ended.`,
  manyOfAll: (count: number) => `${number.format(count)} notices have come.`,
  over: (title: string) => `Over: ${title}`,
  one: (ended: string, title: string) => `${ended}: ${title}.`,
  ended: {
    'task:succeeded': 'Done',
    'task:partial': 'Done in part',
    'task:failed': 'Failed',
    'task:cancelled': 'Cancelled',
  } as Partial<Record<TaskEvent['name'], string>>,
  show: 'Show',
  open: 'Open',
};
