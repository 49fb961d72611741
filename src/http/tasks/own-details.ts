import type { Database } from '../../db/database.ts';
import { type LogFound, readLog } from '../../tasks/looking/log.ts';
import { type ChildrenFound, listChildren } from '../../tasks/looking/queries.ts';
import { findStuckRun, type StuckRun } from '../../tasks/own/hard-limit.ts';
import { maxLogLines } from '../../tasks/own/log-own.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { formatTimestamp, isoTime } from '../format.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { taskTexts } from './tasks-texts.ts';

const shownLogLines = 200;

/** What an own task's page reads beside what every task's does. */
export interface OwnParts {
  children: ChildrenFound;
  stuck: StuckRun | null;
  log: LogFound;
}

/** What is shown of an own task alone; null where it has none of it. */
export interface OwnDetails {
  /** That it does not stop, and what to do about it. */
  stuck: string | null;
  children: {
    heading: string;
    summary: string;
    firstText: string | null;
    lines: readonly { href: string; label: string; badge: Badge }[];
  } | null;
  log: {
    heading: string;
    note: string | null;
    lines: readonly { at: string; iso: string; text: string }[];
  } | null;
}

/** Null, and no statement: it is bulk work. */
export async function readOwnParts(
  db: Database,
  { kind, id, state }: TaskRow,
): Promise<OwnParts | null> {
  if (kind !== 'own') return null;
  const [children, log, stuck] = await Promise.all([
    listChildren(db, id),
    readLog(db, id, shownLogLines),
    state === 'cancelling' ? findStuckRun(db, id) : null,
  ]);
  return { children, stuck, log };
}

export function ownDetails(
  parts: OwnParts | null,
  { now, url, timeZone }: { now: Date; url: Url; timeZone: string },
): OwnDetails {
  return {
    stuck: parts?.stuck ? taskTexts.own.stuck(parts.stuck.pid, parts.stuck.host) : null,
    children: parts && childrenOf(parts.children, url),
    log: parts && logOf(parts.log, now, timeZone),
  };
}

function childrenOf({ children, count, ended }: ChildrenFound, url: Url): OwnDetails['children'] {
  if (count === 0) return null;
  return {
    heading: taskTexts.own.children,
    summary: taskTexts.own.childrenDone(ended, count),
    firstText: count > children.length ? taskTexts.own.childrenFirst(children.length) : null,
    lines: children.map(({ id, title, state }) => ({
      href: url(`/tasks/${id}`),
      label: title,
      badge: badgeOf(state),
    })),
  };
}

function logOf({ lines, count }: LogFound, now: Date, timeZone: string): OwnDetails['log'] {
  if (count === 0) return null;
  const isFull = count >= maxLogLines;
  return {
    heading: taskTexts.own.log,
    note: isFull
      ? taskTexts.own.logFull(count, lines.length)
      : count > lines.length
        ? taskTexts.own.logLatest(lines.length, count)
        : null,
    lines: lines.map(({ at, line }) => ({
      at: formatTimestamp(at, now, timeZone),
      iso: isoTime(at),
      text: line,
    })),
  };
}
