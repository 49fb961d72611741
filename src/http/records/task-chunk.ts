import { limits } from '../../limits.ts';
import type { Resource } from '../../resources/contract.ts';
import type { ChunkFound } from '../../tasks/looking/chunk-map.ts';
import type { FailedRecord } from '../../tasks/looking/failed-records.ts';
import { followUpTexts } from '../tasks/follow-ups-texts.ts';
import { type CountInWords, countsOf } from '../tasks/progress.ts';
import { type RefusedRecord, refusedRecord } from '../tasks/task.ts';
import type { NamedTask } from '../tasks/task-title.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import type { Url } from '../url.ts';
import type { TaskChangesData } from './task-changes.ts';
import { taskChunkTexts } from './task-chunk-texts.ts';

export interface TaskChunkData {
  title: string;
  back: { href: string; label: string };
  state: string;
  counts: readonly CountInWords[];
  note: string | null;
  previous: { href: string; label: string } | null;
  next: { href: string; label: string } | null;
  failed: {
    heading: string;
    lines: readonly { record: RefusedRecord; reason: string }[];
    moreText: string | null;
    all: { href: string; label: string };
  } | null;
  /** Null: they are not the reader's to see. */
  changes: TaskChangesData | null;
  changesHeading: string;
  nothingText: string;
  words: { record: string; reason: string; chunks: string };
}

export interface TaskChunkParts {
  task: NamedTask;
  chunk: ChunkFound;
  resource: Resource | null;
  /** One more than are shown where there are more. */
  failed: readonly FailedRecord[];
  titles: ReadonlyMap<string, string>;
  changes: TaskChangesData | null;
  url: Url;
}

export function taskChunkData(parts: TaskChunkParts): TaskChunkData {
  const { task, chunk, resource, failed, titles, changes, url } = parts;
  const place = chunk.number + 1;
  const { changed, unchanged, failed: failedCount, gone, conflicted, keptBack } = chunk;
  const ofChunk = { changed, unchanged, failed: failedCount, gone, conflicted, keptBack };
  const at = (number: number | null, label: string) =>
    number === null ? null : { href: url(`/tasks/${task.id}/chunks/${number}`), label };
  const isDone = chunk.state === 'done';
  return {
    title:
      chunk.size === 1
        ? taskChunkTexts.one(place, task.title)
        : taskChunkTexts.heading(place, chunk.number + chunk.size, task.title),
    back: { href: url(`/tasks/${task.id}`), label: followUpTexts.backToTask(task.id) },
    state: taskTexts.chunkStates[chunk.state],
    counts: isDone ? countsOf({ ...task, total: 0, done: 0, altered: 0, ...ofChunk }) : [],
    note: isDone ? null : taskChunkTexts.waiting,
    previous: at(chunk.previous, taskChunkTexts.previous),
    next: at(chunk.next, taskChunkTexts.next),
    failed:
      failed.length === 0
        ? null
        : {
            heading: taskChunkTexts.failed,
            lines: failed.slice(0, limits.shown.failures).map(({ key, message }) => ({
              record: refusedRecord(key, titles, resource, url),
              reason: message,
            })),
            moreText:
              failed.length > limits.shown.failures
                ? taskChunkTexts.failedMore(limits.shown.failures)
                : null,
            all: { href: url(`/tasks/${task.id}/failures`), label: taskChunkTexts.allFailed },
          },
    changes: changes && (changes.rows.length > 0 || changes.unseenText) ? changes : null,
    changesHeading: taskChunkTexts.changed,
    nothingText: isDone ? taskChunkTexts.nothing : '',
    words: { ...taskChunkTexts.columns, chunks: taskChunkTexts.chunks },
  };
}

declare module '../pages.ts' {
  interface Pages {
    'task-chunk/show': TaskChunkData;
  }
}
