import type { Message } from '../../channels/messages.ts';

const number = new Intl.NumberFormat('en');

/** Of what people are told by messages. */
export const noticeTexts = {
  heading: 'Notices',
  intro: 'What you asked to be told of: tasks that have ended, and what goes wrong.',
  unseen: 'Since you last looked',
  seen: 'Earlier',
  none: 'Nothing yet. When a task of yours has ended in the background, it says so here.',
  read: 'Mark as read',
  readAll: 'Mark all as read',
  readAbout: (title: string) => `Mark as read: ${title}`,
  isRead: 'All are read.',
  tasks: 'All tasks',
  preferences: 'How you are told',
  alert: 'Alert',
  alertOver: 'Over',
  counts: ({ changed, failed }: NonNullable<Message['task']>) =>
    [
      changed > 0 && `${number.format(changed)} changed`,
      failed > 0 && `${number.format(failed)} could not be changed`,
    ]
      .filter((part) => part !== false)
      .join(', '),
};
