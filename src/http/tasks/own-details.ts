import type { Database } from '../../db/database.ts';
import { type ChildrenFound, listChildren } from '../../tasks/looking/queries.ts';
import { findStuckRun, type StuckRun } from '../../tasks/own/hard-limit.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { taskTexts } from './tasks-texts.ts';

/** What an own task's page reads beside what every task's does. */
export interface OwnParts {
  children: ChildrenFound;
  stuck: StuckRun | null;
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
}

/** Null, and no statement: it is bulk work. */
export async function readOwnParts(
  db: Database,
  { kind, id, state }: TaskRow,
): Promise<OwnParts | null> {
  if (kind !== 'own') return null;
  const [children, stuck] = await Promise.all([
    listChildren(db, id),
    state === 'cancelling' ? findStuckRun(db, id) : null,
  ]);
  return { children, stuck };
}

export function ownDetails(parts: OwnParts | null, url: Url): OwnDetails {
  return {
    stuck: parts?.stuck ? taskTexts.own.stuck(parts.stuck.pid, parts.stuck.host) : null,
    children: parts && childrenOf(parts.children, url),
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
