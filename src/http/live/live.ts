import { listMessages } from '../../channels/messages.ts';
import { AppError } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import { type LiveTask, listLive } from '../../tasks/looking/live.ts';
import { namedQuery } from '../../tasks/looking/tasks-query.ts';
import { isFinished } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { type ConflictData, conflictData, conflictIds } from '../bulk/conflict.ts';
import type { RowLockData } from '../list/row-lock.ts';
import { type RecordLockData, signedOutOfLock } from '../records/record-lock.ts';
import { type BellData, bellData, silentBell, toastOf } from '../shell/bell.ts';
import { signInHref } from '../sign-in-href.ts';
import {
  type EndedData,
  finishedData,
  finishedEvents,
  goneData,
  hasMoved,
  movedEvents,
  type ProgressData,
  progressData,
  signedOutData,
  signInLink,
} from '../tasks/progress.ts';
import { taskActions } from '../tasks/task-actions.ts';
import { findResource } from '../tasks/task-filter.ts';
import { type Naming, named } from '../tasks/task-title.ts';
import type { TaskListData } from '../tasks/tasks.ts';
import { readTasksPage, tasksList } from '../tasks/tasks-list.ts';
import type { LiveAsking, PageEvent } from './live-asking.ts';
import type { WantedBar, WantedPieces } from './live-query.ts';
import { type AskedRecords, readRecords, recordPieces } from './live-records.ts';

/** The pieces of a page that were asked for, as they are now; each takes the place of its id. */
export interface LiveData {
  progress: readonly ProgressData[];
  ended: readonly EndedData[];
  /** Of the rows of a list. */
  rows: readonly RowLockData[];
  record: RecordLockData | null;
  conflict: ConflictData | null;
  list: TaskListData | null;
  bell: BellData | null;
  /** What the page hears of besides: pairs of an event's name and its detail, as JSON. */
  events: string;
  /**
   * Is any of it to be asked for again? The bell, which has no end, counts where it is asked for
   * alone.
   */
  isLive: boolean;
}

/**
 * One statement for all bars and for who holds the records, one for which of these may be seen, and
 * one for each resource whose records the titles of tasks name, mostly none; two for the list of
 * tasks. The end of a task is looked at once, and so is a message that has come.
 */
export async function liveData(asking: LiveAsking, wanted: WantedPieces): Promise<LiveData> {
  const events: PageEvent[] = [];
  const asked = await readRecords(asking, wanted.records);
  const holders = holdersIn(asking, wanted);
  const [tasks, list, bell] = await Promise.all([
    readTasks(asking, [...wanted.bars.map(({ id }) => id), ...(holders ?? [])], asked),
    readList(asking, wanted.list),
    readBell(asking, wanted.bell, events),
  ]);
  const progress: ProgressData[] = [];
  const ended: EndedData[] = [];
  for (const bar of wanted.bars) {
    const task = tasks.find(({ id, isSeen }) => id === bar.id && isSeen);
    if (!task) ended.push(goneData(String(bar.id), asking.url, bar.place));
    else if (isFinished(task.state)) ended.push(await endedBar(asking, task, bar, events));
    else progress.push(movingBar(asking, task, bar, events));
  }
  const { rows, record, ...waiting } = recordPieces(asking, asked, tasks, events);
  progress.push(...waiting.progress);
  ended.push(...waiting.ended);
  const conflict =
    holders && conflictData({ ...asking, reader: readerOf(asking.principal) }, holders, tasks);
  return piecesOf({ progress, ended, rows, record, conflict, list, bell }, events);
}

function piecesOf(
  pieces: Omit<LiveData, 'events' | 'isLive'>,
  events: readonly PageEvent[],
): LiveData {
  const { progress, ended, rows, record, conflict, list, bell } = pieces;
  const others = [...progress, ...rows, record, conflict, list].filter((piece) => piece !== null);
  const isLive =
    others.length + ended.length > 0
      ? others.some(({ live }) => live !== null)
      : bell !== null && bell.live !== null;
  return { ...pieces, events: JSON.stringify(events), isLive };
}

/** To whoever is signed in no more: nothing of it goes on. */
export function signedOutLive(
  { context, url }: Pick<LiveAsking, 'context' | 'url'>,
  { bars, records, bell }: WantedPieces,
): LiveData {
  const signIn = signInHref(context.people, url);
  const ended = bars.map(({ id, place }) => signedOutData(String(id), { place, signIn }));
  if (records && records.lock !== null) ended.push(signedOutOfLock(signInLink(signIn)));
  return piecesOf(
    {
      progress: [],
      ended,
      rows: [],
      record: null,
      conflict: null,
      list: null,
      bell: bell === null ? null : silentBell(url),
    },
    [['bulkhead:signed-out', { href: signIn }]],
  );
}

function holdersIn({ principal, secret }: LiveAsking, { conflict }: WantedPieces): number[] | null {
  return conflict === null ? null : conflictIds(secret, principal, conflict);
}

async function readTasks(
  { context, principal }: LiveAsking,
  ids: readonly number[],
  asked: AskedRecords | null,
): Promise<(LiveTask & Partial<Naming>)[]> {
  const held = asked && { model: asked.resource.model.name, keys: asked.keys };
  const tasks = await listLive(context, principal, { ids: [...new Set(ids)], held });
  const seen = tasks.filter(({ isSeen }) => isSeen);
  return [
    ...(await named(context, principal, seen, seen)),
    ...tasks.filter(({ isSeen }) => !isSeen),
  ];
}

function movingBar(
  { principal, now, url }: LiveAsking,
  task: TaskRow & Partial<Naming>,
  { place, shownState }: WantedBar,
  events: PageEvent[],
): ProgressData {
  const isMoved = hasMoved(task, now, shownState, place);
  if (isMoved) events.push(...Object.entries(movedEvents(task)));
  const look = { now, url, reader: readerOf(principal) };
  return progressData(task, look, place, isMoved ? undefined : shownState);
}

async function endedBar(
  { context, principal, now, url }: LiveAsking,
  task: TaskRow & Partial<Naming>,
  { place }: WantedBar,
  events: PageEvent[],
): Promise<EndedData> {
  const resource = findResource(context.registry, principal, task);
  const links = await taskActions({ context, principal, resource, url }, task);
  events.push(...Object.entries(finishedEvents(task, links)));
  // Elsewhere they may be at something of their own, which a page that leaves would lose.
  if (place === 'launched' && resource?.afterFinish(task) === 'task-page')
    events.push(['bulkhead:leave', { href: url(`/tasks/${task.id}`) }]);
  return finishedData(task, now, url, place, links);
}

async function readList(asking: LiveAsking, search: string | null): Promise<TaskListData | null> {
  const query = search === null ? null : namedQuery(search);
  if (query === null) return null;
  const { principal } = asking;
  try {
    return await tasksList(asking, principal, query, await readTasksPage(asking, principal, query));
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

async function readBell(
  { context, principal, url, unseen: read }: LiveAsking,
  after: number | null,
  events: PageEvent[],
): Promise<BellData | null> {
  if (after === null) return null;
  const unseen = await read();
  if (unseen === null) return silentBell(url);
  if (unseen.latest > after) {
    const come = await listMessages(context, principal, { after, limit: limits.shown.tasks });
    const toast = toastOf(
      come.filter(({ isSeen }) => !isSeen),
      url,
    );
    if (toast) events.push(['bulkhead:toast', toast]);
  }
  return bellData(unseen, url);
}

declare module '../pages.ts' {
  interface Pages {
    'live/_pieces': LiveData;
  }
}
