import type { Resource } from '../../resources/contract.ts';
import type { Holder } from '../../tasks/looking/holders.ts';
import type { ShownHolder } from '../tasks/task-title.ts';
import type { Url } from '../url.ts';
import { listTexts } from './list-texts.ts';

/** A record that a task holds, or held. */
export interface LockedRecord {
  resource: Resource;
  key: string;
  url: Url;
}

/** That a task holds a record, in a list; or, where nothing is asked for any more, that none does. */
export interface RowLockData {
  elementId: string;
  live: string | null;
  text: string;
  label: string;
  href: string | null;
}

export function rowLock(
  { resource: { slug }, key, url }: LockedRecord,
  recordTitle: string,
  holder: ShownHolder,
): RowLockData {
  const { taskId, principalName, title, isSeen } = holder;
  return {
    elementId: rowLockId(key),
    live: `records=${encodeURIComponent(slug)}&row=${encodeURIComponent(`${taskId}.${key}`)}`,
    text: listTexts.locked(principalName, title, percentOf(holder)),
    label: listTexts.lockedLabel(recordTitle, principalName, title),
    href: isSeen ? url(`/tasks/${taskId}`) : null,
  };
}

/** How far a task is that holds records. */
export function percentOf({ done, total }: Pick<Holder, 'done' | 'total'>): number {
  return total === 0 ? 0 : Math.min(100, Math.floor((done / total) * 100));
}

export function rowFree(key: string): RowLockData {
  return { elementId: rowLockId(key), live: null, text: '', label: '', href: null };
}

function rowLockId(key: string): string {
  return `lock-${encodeURIComponent(key)}`;
}

declare module '../pages.ts' {
  interface Pages {
    'list/_row-lock': RowLockData;
  }
}
