import type { WorkerInfo } from '../../tasks/looking/list-workers.ts';
import { formatSpan, formatTimestamp, isoTime } from '../format.ts';
import type { Url } from '../url.ts';
import { overviewTexts } from './overview-texts.ts';

/** A worker, for those who see every task. */
export interface WorkerLine {
  id: string;
  name: string;
  version: string | null;
  state: { label: string; icon: string; tone: 'success' | 'warning' | 'error' };
  tasks: readonly { href: string; label: string }[];
  takes: string;
  atATime: string | null;
  since: string;
  sinceIso: string;
  seen: string;
  seenIso: string;
  words: typeof overviewTexts.workerColumns & { idle: string };
}

interface WorkerParts {
  now: Date;
  url: Url;
  timeZone: string;
  titles: ReadonlyMap<number, string>;
}

export function workerLine(
  worker: WorkerInfo,
  { now, url, timeZone, titles }: WorkerParts,
): WorkerLine {
  const { id, host, pid, version, queues, backends, concurrency, places } = worker;
  const { startedAt, seenAt, taskIds } = worker;
  return {
    id,
    name: overviewTexts.worker(host, pid),
    version: version === null ? null : overviewTexts.version(version),
    state: stateOf(worker),
    tasks: taskIds.map((taskId) => ({
      href: url(`/tasks/${taskId}`),
      label: overviewTexts.task(titles.get(taskId) ?? '', taskId),
    })),
    takes: [
      queues?.join(', ') ?? overviewTexts.takesAll,
      overviewTexts.by(backends.join(', ')),
    ].join(', '),
    atATime:
      concurrency === null || places === null ? null : overviewTexts.atATime(concurrency, places),
    since: formatTimestamp(startedAt, now, timeZone),
    sinceIso: isoTime(startedAt),
    seen: overviewTexts.ago(formatSpan(now.getTime() - seenAt.getTime())),
    seenIso: isoTime(seenAt),
    words: { ...overviewTexts.workerColumns, idle: overviewTexts.idle },
  };
}

function stateOf({ isAlive, isUnheard }: WorkerInfo): WorkerLine['state'] {
  const { workerStates } = overviewTexts;
  if (!isAlive) return { label: workerStates.gone, icon: 'unplug', tone: 'error' };
  if (isUnheard) return { label: workerStates.unheard, icon: 'clock-alert', tone: 'warning' };
  return { label: workerStates.alive, icon: 'circle-check', tone: 'success' };
}
