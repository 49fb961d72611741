import type { Message } from '../../channels/messages.ts';
import type { TaskState } from '../../tasks/states.ts';
import { formatTimestamp, isoTime } from '../format-span.ts';
import { type Badge, badgeOf } from '../tasks/badge.ts';
import type { Url } from '../url.ts';
import { noticeTexts } from './notices-texts.ts';

export interface NoticeLine {
  title: string;
  badge: Badge;
  when: string;
  whenIso: string;
  note: string | null;
  /** Opens its task, and marks it as read where it is not. */
  openUrl: string;
  readUrl: string;
  readLabel: string;
}

export interface NoticesData {
  title: string;
  intro: string;
  groups: readonly { heading: string; isUnseen: boolean; lines: readonly NoticeLine[] }[];
  emptyText: string | null;
  /** Null: everything is read. */
  readAll: { action: string; upTo: string } | null;
  back: { href: string; label: string };
  preferences: { href: string; label: string };
  words: typeof noticeTexts;
}

export function noticesData(
  messages: readonly Message[],
  { latest, now, timeZone, url }: { latest: number; now: Date; timeZone: string; url: Url },
): NoticesData {
  const line = ({ id, at, title, task, alert }: Message): NoticeLine => ({
    title,
    badge: task ? badgeOf(task.state as TaskState) : alertBadge(alert?.isOver ?? false),
    when: formatTimestamp(at, now, timeZone),
    whenIso: isoTime(at),
    note: task
      ? noticeTexts.counts(task) || task.message
      : alert && !alert.isOver
        ? alert.remedy
        : null,
    openUrl: url(task ? `/tasks/${task.id}` : (alert?.path ?? '/tasks/overview')),
    readUrl: url(`/tasks/notices/${id}/reading`),
    readLabel: noticeTexts.readAbout(title),
  });
  const group = (heading: string, isUnseen: boolean) => ({
    heading,
    isUnseen,
    lines: messages.filter(({ isSeen }) => isSeen !== isUnseen).map(line),
  });
  return {
    title: noticeTexts.heading,
    intro: noticeTexts.intro,
    groups: [group(noticeTexts.unseen, true), group(noticeTexts.seen, false)].filter(
      ({ lines }) => lines.length > 0,
    ),
    emptyText: messages.length === 0 ? noticeTexts.none : null,
    readAll: latest > 0 ? { action: url('/tasks/notices/reading'), upTo: String(latest) } : null,
    back: { href: url('/tasks'), label: noticeTexts.tasks },
    preferences: { href: url('/tasks/notices/preferences'), label: noticeTexts.preferences },
    words: noticeTexts,
  };
}

function alertBadge(isOver: boolean): Badge {
  return isOver
    ? { state: 'alert', label: noticeTexts.alertOver, icon: 'circle-check', tone: 'success' }
    : { state: 'alert', label: noticeTexts.alert, icon: 'triangle-alert', tone: 'error' };
}

declare module '../pages.ts' {
  interface Pages {
    'notices/index': NoticesData;
  }
}
