import type { NoticeState } from '../../channels/deliveries.ts';

export const deliveryTexts = {
  heading: 'Who was told',
  headingOf: (taskId: number) => `Who was told of task #${taskId}`,
  intro: 'Every notice that a channel has sent or is to send, the latest first.',
  none: 'Nobody was told yet.',
  tasks: 'All tasks',
  task: (taskId: number) => `Task #${taskId}`,
  columns: { task: 'Task', channel: 'Channel', to: 'To', state: 'State', when: 'When' },
  alert: 'Alert:',
  ownPlace: 'its own address',
  states: {
    waiting: 'Waiting',
    sent: 'Sent',
    dropped: 'Left out',
    'given-up': 'Given up',
  } satisfies Record<NoticeState, string>,
  attempts: (count: number) => (count === 1 ? 'after 1 attempt' : `after ${count} attempts`),
  next: (when: string) => `next attempt ${when}`,
  again: 'Send again',
  now: 'Send now',
  about: (act: string, channel: string, to: string, title: string) =>
    `${act}: ${channel} to ${to}, ${title}`,
  isSent: 'It is sent again.',
};
