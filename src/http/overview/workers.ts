import type { WorkerInfo } from '../../tasks/looking/list-workers.ts';
import { formatSpan, formatTimestamp, isoTime } from '../format.ts';
import type { Url } from '../url.ts';
import { type ControlAct, workerActs, workerName } from './control.ts';
import { overviewTexts } from './overview-texts.ts';

/** A worker, for those who see every task. */
export interface WorkerLine {
  id: string;
  name: string;
  version: string | null;
  state: { label: string; icon: string; tone: 'success' | 'warning' | 'error' };
  /** Since when it gives way to nothing, in a sentence. */
  busy: string | null;
  /** What somebody asks of it, and when they did. */
  asked: string | null;
  /** How it is not as what was started last. */
  differs: readonly string[];
  tasks: readonly { href: string; label: string }[];
  takes: string;
  atATime: string | null;
  since: string;
  sinceIso: string;
  seen: string;
  seenIso: string;
  acts: readonly ControlAct[];
  words: typeof overviewTexts.workerColumns & { idle: string };
}

interface WorkerParts {
  now: Date;
  url: Url;
  timeZone: string;
  titles: ReadonlyMap<number, string>;
  /** May the reader ask something of it? */
  operates: boolean;
  differs: readonly string[];
}

export function workerLine(
  worker: WorkerInfo,
  { now, url, timeZone, titles, operates, differs }: WorkerParts,
): WorkerLine {
  const { id, version, queues, backends, concurrency, places } = worker;
  const { startedAt, seenAt, busySince, taskIds } = worker;
  return {
    id,
    name: workerName(worker),
    version: version === null ? null : overviewTexts.version(version),
    state: stateOf(worker),
    busy: busySince && overviewTexts.busySince(formatTimestamp(busySince, now, timeZone)),
    asked: askedOf(worker, now, timeZone),
    differs,
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
    acts: operates ? workerActs(worker, url) : [],
    words: { ...overviewTexts.workerColumns, idle: overviewTexts.idle },
  };
}

function askedOf(
  { asked, askedBy, askedAt, quietAt }: WorkerInfo,
  now: Date,
  timeZone: string,
): string | null {
  if (asked === null || askedBy === null || askedAt === null) return null;
  const at = formatTimestamp(askedAt, now, timeZone);
  if (asked === 'stop') return overviewTexts.askedToStop(askedBy, at);
  return (quietAt === null ? overviewTexts.askedToBeQuiet : overviewTexts.quietBy)(askedBy, at);
}

function stateOf({
  isAlive,
  isUnheard,
  busySince,
  asked,
  quietAt,
}: WorkerInfo): WorkerLine['state'] {
  const { workerStates } = overviewTexts;
  if (!isAlive) return { label: workerStates.gone, icon: 'unplug', tone: 'error' };
  if (isUnheard) return { label: workerStates.unheard, icon: 'clock-alert', tone: 'warning' };
  if (busySince !== null) return { label: workerStates.busy, icon: 'hourglass', tone: 'warning' };
  if (asked === 'stop') return { label: workerStates.stopping, icon: 'power', tone: 'warning' };
  if (quietAt !== null) return { label: workerStates.quiet, icon: 'moon', tone: 'warning' };
  return { label: workerStates.alive, icon: 'circle-check', tone: 'success' };
}
