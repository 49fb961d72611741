import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import type { Reader } from '../../fields/reader.ts';
import type { LiveTask } from '../../tasks/looking/live.ts';
import { isTaskId } from '../../tasks/looking/queries.ts';
import { isFinished } from '../../tasks/states.ts';
import { formatNumber } from '../format.ts';
import { type EndedData, type ProgressData, progressData } from '../tasks/progress.ts';
import type { Naming } from '../tasks/task-title.ts';
import type { Url } from '../url.ts';
import { bulkTexts } from './bulk-texts.ts';

/** How far those are that hold what somebody wanted to change, as far as it is theirs to know. */
export interface ConflictData {
  live: string | null;
  holders: readonly ConflictHolder[];
  /** Nobody stands in the way any more; null: somebody does. */
  free: EndedData | null;
}

export interface ConflictHolder {
  text: string;
  /** Null: the task is not the reader's to see, and the line is all of it. */
  progress: ProgressData | null;
}

interface ConflictReader {
  principal: Principal;
  reader: Reader;
  secret: string;
  url: Url;
  now: Date;
}

/**
 * Of the tasks that stood in the way, by their ids. Once none of them goes on, nothing that they held
 * is held.
 */
export function conflictData(
  { principal, reader, secret, url, now }: ConflictReader,
  ids: readonly number[],
  tasks: readonly (LiveTask & Partial<Naming>)[],
): ConflictData {
  const holders = ids
    .map((id) => tasks.find((task) => task.id === id))
    .filter((task) => task !== undefined)
    .filter(({ state }) => !isFinished(state));
  if (holders.length === 0) return { live: null, holders: [], free: freeData() };
  return {
    live: `conflict=${markOf(secret, principal, ids)}.${ids.join('.')}`,
    holders: holders.map((task) => ({
      text: task.isSeen
        ? bulkTexts.holderSeen(task.principalName)
        : bulkTexts.holder(
            task.principalName,
            task.title,
            formatNumber(task.done),
            formatNumber(task.total ?? 0),
          ),
      progress: task.isSeen ? progressData(task, { now, url, reader }, 'conflict') : null,
    })),
    free: null,
  };
}

function freeData(): EndedData {
  return {
    elementId: 'conflict-ended',
    kind: 'free',
    heading: bulkTexts.freeHeading,
    note: bulkTexts.freeNote,
    badge: null,
    bar: null,
    counts: [],
    link: null,
    undo: null,
  };
}

/**
 * The ids that a page asks for; null: it was not told of them, so that nobody learns of a task by
 * its number.
 */
export function conflictIds(secret: string, principal: Principal, text: string): number[] | null {
  const [mark = '', ...given] = text.split('.');
  const ids = given.map(Number);
  if (!ids.every(isTaskId)) return null;
  const [shown, own] = [mark, markOf(secret, principal, ids)].map((one) => Buffer.from(one));
  return shown && own && shown.length === own.length && timingSafeEqual(shown, own) ? ids : null;
}

/** Says that this person was told of these tasks. */
function markOf(secret: string, { id }: Principal, ids: readonly number[]): string {
  return createHmac('sha256', secret)
    .update(`in the way of ${JSON.stringify([id, ...ids])}`)
    .digest('base64url');
}

declare module '../pages.ts' {
  interface Pages {
    'bulk/_conflict': ConflictData;
  }
}
