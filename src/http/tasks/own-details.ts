import type { Principal } from '../../auth/principal.ts';
import type { TaskContext } from '../../tasks/context.ts';
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

/** What a task's page reads of code of the project's that it has called. */
export interface OwnParts {
  children: ChildrenFound;
  stuck: StuckRun | null;
  /** Null: of bulk work. */
  log: LogFound | null;
}

/** What is shown of it; null where a task has none of it. */
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

/** Of bulk work, for which no code of a run's is called, the children alone are asked for. */
export async function readOwnParts(
  context: TaskContext,
  principal: Principal,
  { kind, id, state }: TaskRow,
): Promise<OwnParts> {
  const { db } = context;
  const isOwn = kind === 'own';
  const [children, log, stuck] = await Promise.all([
    listChildren(context, principal, id),
    isOwn ? readLog(db, id, shownLogLines) : null,
    isOwn && state === 'cancelling' ? findStuckRun(db, id) : null,
  ]);
  return { children, stuck, log };
}

export function ownDetails(
  { children, stuck, log }: OwnParts,
  { now, url, timeZone }: { now: Date; url: Url; timeZone: string },
): OwnDetails {
  return {
    stuck: stuck && taskTexts.own.stuck(stuck.pid, stuck.host),
    children: childrenOf(children, url),
    log: log && logOf(log, now, timeZone),
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
