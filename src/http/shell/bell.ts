import { maxUnseen, type Unseen } from '../../auth/unseen.ts';
import { alertEvent } from '../../channels/alerts.ts';
import type { Message } from '../../channels/messages.ts';
import type { Url } from '../url.ts';
import { bellTexts } from './bell-texts.ts';

type Level = 'success' | 'warning' | 'error' | 'info';

/** Stands on every page, and looks by itself whether there is more. */
export interface BellData {
  href: string;
  label: string;
  /** Null: nothing is to be read. */
  countText: string | null;
  /** What is asked for; null: nothing more. */
  live: string | null;
}

export function bellData({ count, latest }: Unseen, url: Url): BellData {
  const isMore = count >= maxUnseen;
  const shown = isMore ? maxUnseen - 1 : count;
  return {
    href: url('/tasks/notices'),
    label: bellTexts.label(shown, isMore),
    countText: isMore ? bellTexts.more(shown) : count > 0 ? String(count) : null,
    live: `bell=${latest}`,
  };
}

/** One that nobody is behind any more. */
export function silentBell(url: Url): BellData {
  return { ...bellData({ count: 0, latest: 0 }, url), live: null };
}

const levels: Partial<Record<Message['event'], Level>> = {
  'task:succeeded': 'success',
  'task:partial': 'warning',
  'task:failed': 'error',
};

/** Beyond so many at once one toast says how many there are. */
const maxToasts = 1;

/** What a page is told of messages that have come while it was open; null: nothing. */
export function toastOf(
  messages: readonly Message[],
  url: Url,
): { level: Level; message: string; key: string; link: { href: string; label: string } } | null {
  const [latest] = messages;
  if (!latest) return null;
  if (messages.length > maxToasts)
    return {
      level: 'info',
      message: messages.every(({ task }) => task !== null)
        ? bellTexts.many(messages.length)
        : bellTexts.manyOfAll(messages.length),
      key: 'notices',
      link: { href: url('/tasks/notices'), label: bellTexts.show },
    };
  const { id, event, title, task, alert } = latest;
  if (!task)
    return {
      level: alert?.isOver ? 'success' : 'error',
      message: alert?.isOver ? bellTexts.over(title) : title,
      key: `notice-${id}`,
      link: { href: url(alert?.path ?? '/tasks/overview'), label: bellTexts.open },
    };
  return {
    level: levels[event] ?? 'info',
    message: bellTexts.one(event === alertEvent ? '' : (bellTexts.ended[event] ?? ''), title),
    // The page of the task, or its list, may have said the same already.
    key: `task-${task.id}`,
    link: { href: url(`/tasks/${task.id}`), label: bellTexts.open },
  };
}

declare module '../pages.ts' {
  interface Pages {
    'notices/_bell': BellData;
  }
}
