import type { Alert, Notice } from './contract.ts';

const number = new Intl.NumberFormat('en');

const ended: Partial<Record<Notice['event'], string>> = {
  'task:succeeded': 'Done',
  'task:partial': 'Done in part',
  'task:failed': 'Failed',
  'task:cancelled': 'Cancelled',
};

/** What is said away from the pages. */
export const channelTexts = {
  one: ({ event, task }: Notice) => `${ended[event] ?? 'Ended'}: ${task.title}`,
  /** What became of it in numbers, or in its own words. */
  detail: ({ task }: Notice) =>
    [
      task.changed > 0 && `${number.format(task.changed)} changed`,
      task.failed > 0 && `${number.format(task.failed)} could not be changed`,
      task.message,
    ]
      .filter((part) => typeof part === 'string' && part !== '')
      .join(', '),
  many: (count: number) => `${number.format(count)} tasks have ended`,
  manyOf: (notices: readonly Notice[]) =>
    Object.entries(ended)
      .map(([name, word]) => [word, notices.filter(({ event }) => event === name).length] as const)
      .filter(([, count]) => count > 0)
      .map(([word, count]) => `${word}: ${number.format(count)}`)
      .join(', '),
  more: (count: number) => `and ${number.format(count)} more`,
  subject: (admin: string, text: string) => `[${admin}] ${text}`,
  alert: ({ isOver, title }: Alert) => (isOver ? `Over: ${title}` : title),
  /** Of what is over nothing is left to do. */
  toDo: ({ isOver, remedy }: Alert) => (isOver ? '' : remedy),
  alerts: (count: number) => `${number.format(count)} alerts`,
  openOverview: 'See how tasks fare',
  whyAlert: (admin: string) => `You get this because you look after ${admin}.`,
  open: 'Open the task',
  openAll: 'Open all tasks',
  why: (admin: string) => `You get this because ${admin} was asked to tell you when tasks end.`,
};
