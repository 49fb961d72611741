import { keyToUrl } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { type LockedRecord, percentOf } from '../list/row-lock.ts';
import type { EndedData, Link, ProgressData } from '../tasks/progress.ts';
import { progressData } from '../tasks/progress.ts';
import type { Naming, ShownHolder } from '../tasks/task-title.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import { recordPath } from './record-form.ts';
import { recordTexts } from './records-texts.ts';

const elementId = 'record-lock-progress';

function liveOf(what: 'lock' | 'holding', { slug, model }: Resource, key: string): string {
  return `${what}=${encodeURIComponent(`${slug}/${keyToUrl(model, key)}`)}`;
}

/** How far the task is that holds a record, for whoever waits for the record. */
export function waitingData(
  { resource, key, url }: LockedRecord,
  task: TaskRow & Partial<Naming>,
  isSeen: boolean,
  now: Date,
): ProgressData {
  const progress = progressData(task, { now, url, reader: resource.reader });
  return {
    ...progress,
    elementId,
    live: liveOf('lock', resource, key),
    caption: isSeen ? progress.caption : null,
    taskUrl: isSeen ? progress.taskUrl : null,
    canCancel: isSeen && progress.canCancel,
    pause: isSeen ? progress.pause : null,
    waitsFor: isSeen ? progress.waitsFor : null,
  };
}

/** Nothing holds it any more. */
export function freeData({ resource, key, url }: LockedRecord): EndedData {
  return endedData('free', recordTexts.freeHeading, recordTexts.freeNote, {
    href: url(`${recordPath(resource, key)}/edit`),
    label: recordTexts.tryAgain,
  });
}

/** It is not there, or not theirs to see, which is the same. */
export function recordGone(message: string): EndedData {
  return endedData('gone', message, '', null);
}

export function signedOutOfLock(signIn: Link | null): EndedData {
  return endedData('signed-out', taskTexts.signedOutHeading, taskTexts.signedOutNote, signIn);
}

function endedData(
  kind: EndedData['kind'],
  heading: string,
  note: string,
  link: Link | null,
): EndedData {
  return { elementId, kind, heading, note, badge: null, bar: null, counts: [], link, undo: null };
}

/** That a task holds a record, on the record's own page; or that none does any more. */
export interface RecordLockData {
  live: string | null;
  text: string;
  /** To the task; or, of a record that is free, to the record as it is now. */
  link: Link | null;
}

export function recordLock(
  { resource, key, url }: LockedRecord,
  holder: ShownHolder,
): RecordLockData {
  const { principalName, title } = holder;
  return {
    live: liveOf('holding', resource, key),
    text: `${recordTexts.lockedBy(principalName, title)} ${recordTexts.lockedDone(percentOf(holder))}`,
    link: holder.isSeen
      ? { href: url(`/tasks/${holder.taskId}`), label: taskTexts.showTask }
      : null,
  };
}

export function recordFree({ resource, key, url }: LockedRecord): RecordLockData {
  const link = { href: url(recordPath(resource, key)), label: recordTexts.showFree };
  return { live: null, text: recordTexts.freeNote, link };
}

/** A task as the holder of what it holds. */
export function holderOf(
  { id, title, principalId, principalName, state, done, total }: TaskRow,
  { slug }: Resource,
  isSeen: boolean,
): ShownHolder {
  const known = { taskId: id, title, resource: slug, principalId, principalName, state, done };
  return { ...known, total: total ?? 0, isSeen };
}

declare module '../pages.ts' {
  interface Pages {
    'records/_lock': RecordLockData;
  }
}
