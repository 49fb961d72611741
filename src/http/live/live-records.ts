import { AppError } from '../../errors.ts';
import { isKey, parseKey } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import type { LiveTask } from '../../tasks/looking/live.ts';
import { bulkTexts } from '../bulk/bulk-texts.ts';
import { type RowLockData, rowFree, rowLock } from '../list/row-lock.ts';
import {
  freeData,
  holderOf,
  type RecordLockData,
  recordFree,
  recordGone,
  recordLock,
  waitingData,
} from '../records/record-lock.ts';
import { recordTexts } from '../records/records-texts.ts';
import type { EndedData, ProgressData } from '../tasks/progress.ts';
import type { Naming } from '../tasks/task-title.ts';
import type { LiveAsking, PageEvent } from './live-asking.ts';
import type { WantedRecords, WantedRow } from './live-query.ts';

/** Records that are asked for. */
export interface AskedRecords {
  resource: Resource;
  /** Those that are the reader's to see, with their titles. */
  titles: ReadonlyMap<string, string>;
  /** Of these, those that may be held. */
  keys: readonly string[];
  lock: string | null;
  holding: string | null;
  rows: readonly WantedRow[];
}

interface RecordPieces {
  progress: readonly ProgressData[];
  ended: readonly EndedData[];
  rows: readonly RowLockData[];
  record: RecordLockData | null;
}

/** One statement; null: none are asked for, of a resource that the reader may list. */
export async function readRecords(
  { context: { registry }, principal }: LiveAsking,
  wanted: WantedRecords | null,
): Promise<AskedRecords | null> {
  if (wanted === null) return null;
  try {
    const resource = registry.for(principal, wanted.slug);
    const [lock, holding] = [keyIn(resource, wanted.lock), keyIn(resource, wanted.holding)];
    const rows = wanted.rows.filter(({ key }) => isKey(resource.model, key));
    const all = [...rows.map(({ key }) => key), lock, holding].filter((key) => key !== null);
    const titles = await titlesOf(registry, resource, principal, [...new Set(all)]);
    const keys = resource.locksOffReason === null ? [...titles.keys()] : [];
    return { resource, titles, keys, lock, holding, rows };
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** As in an address; null: it is none. */
function keyIn({ model }: Resource, id: string | null): string | null {
  if (id === null) return null;
  try {
    return parseKey(model, id);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/**
 * Of a record that is not the reader's to see it is said that nothing holds it, as of one that
 * there is not.
 */
export function recordPieces(
  { url, now }: LiveAsking,
  asked: AskedRecords | null,
  tasks: readonly (LiveTask & Partial<Naming>)[],
  events: PageEvent[],
): RecordPieces {
  if (asked === null) return { progress: [], ended: [], rows: [], record: null };
  const { resource, titles, lock, holding } = asked;
  const about = (key: string) => ({ resource, key, url });
  const holders = new Map(
    tasks.flatMap((task) => task.heldKeys.map((key) => [key, task] as const)),
  );
  const rows = asked.rows.map(({ key, taskId }) => {
    const task = holders.get(key);
    return task?.id === taskId
      ? rowLock(about(key), titles.get(key) ?? '', holderOf(task, resource, task.isSeen))
      : rowFree(key);
  });
  const freed = rows.filter(({ live }) => live === null).length;
  if (freed > 0) {
    const message = recordTexts.freed(bulkTexts.records(freed, resource), freed === 1);
    events.push(['bulkhead:freed', { resource: resource.slug, message }]);
  }
  return { ...waitedFor(), rows, record: pageOf() };

  function pageOf(): RecordLockData | null {
    if (holding === null) return null;
    const task = holders.get(holding);
    if (!task) return recordFree(about(holding));
    return recordLock(about(holding), holderOf(task, resource, task.isSeen));
  }

  function waitedFor(): Pick<RecordPieces, 'progress' | 'ended'> {
    if (lock === null) return { progress: [], ended: [] };
    const task = holders.get(lock);
    if (task) return { progress: [waitingData(about(lock), task, task.isSeen, now)], ended: [] };
    const ended = titles.has(lock) ? freeData(about(lock)) : recordGone(recordTexts.goneHeading);
    return { progress: [], ended: [ended] };
  }
}
