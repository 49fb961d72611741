import { differencesOf } from '../../tasks/looking/processes.ts';
import { tasksSearch } from '../../tasks/looking/tasks-query.ts';
import type { TasksUnderWay } from '../../tasks/looking/under-way.ts';
import type { UnseenTo } from '../../tasks/looking/unseen-to.ts';
import type { TaskState } from '../../tasks/states.ts';
import { formatSpan } from '../format.ts';
import type { Url } from '../url.ts';
import type { OperatorParts } from './operator-parts.ts';
import { overviewTexts } from './overview-texts.ts';

/** What somebody should look at first, and where. */
export interface Attention {
  tone: 'error' | 'warning';
  icon: string;
  text: string;
  href: string;
}

export interface AttentionParts {
  underWay: readonly TasksUnderWay[];
  unseenTo: UnseenTo;
  /** Up to so many are counted. */
  countLimit: number;
  /** A task that has waited for so long has waited for long. */
  queuedWarnMs: number;
  /** Null: workers and schedules are not theirs to see. */
  operator: OperatorParts | null;
  url: Url;
}

/** The worst first; none: nothing needs anybody. */
export function attentionOf(parts: AttentionParts): Attention[] {
  return [...ofTasks(parts), ...ofWorkers(parts), ...ofHearers(parts)].sort(
    (one, other) => Number(one.tone === 'warning') - Number(other.tone === 'warning'),
  );
}

function ofTasks({
  underWay,
  unseenTo,
  countLimit,
  queuedWarnMs,
  url,
}: AttentionParts): Attention[] {
  const { about } = overviewTexts;
  const left = underWay.filter(({ isWithoutWorker }) => isWithoutWorker);
  const leftCount = sum(left.map(({ count }) => count));
  const queues = [...new Set(left.map(({ queue }) => queue))];
  const unknown = underWay.filter(({ isUnknown }) => isUnknown);
  const unknownCount = sum(unknown.map(({ count }) => count));
  const longCount = sum(underWay.map(({ waitingLong }) => waitingLong));
  const { failures } = unseenTo;
  const found: (Attention | false)[] = [
    leftCount > 0 && {
      tone: 'error',
      icon: 'server-off',
      text: about.withoutWorker(leftCount),
      href: url(
        tasksPath(
          [...new Set(left.map(({ state }) => state))],
          queues.length === 1 ? { queue: queues[0] as string } : {},
        ),
      ),
    },
    unknownCount > 0 && {
      tone: 'error',
      icon: 'circle-question-mark',
      text: about.unknown(unknownCount),
      href: url(tasksPath([...new Set(unknown.map(({ state }) => state))])),
    },
    failures > 0 && {
      tone: 'error',
      icon: 'circle-x',
      text: about.failures(Math.min(failures, countLimit), failures > countLimit),
      href: url(tasksPath(['failed', 'partial'], { acknowledged: 'no' })),
    },
    longCount > 0 && {
      tone: 'warning',
      icon: 'hourglass',
      text: about.waitingLong(longCount, formatSpan(queuedWarnMs)),
      href: url(tasksPath(['queued'], {}, 'oldest')),
    },
  ];
  return found.filter((one) => one !== false);
}

function ofWorkers({ operator, url }: AttentionParts): Attention[] {
  if (!operator) return [];
  const { about } = overviewTexts;
  const paused = operator.queues.filter(({ pausedAt }) => pausedAt !== null);
  const asked = operator.workers.filter((worker) => worker.isAlive && worker.asked !== null).length;
  const gone = operator.workers.filter(({ isAlive }) => !isAlive).length;
  const unheard = operator.workers.filter(({ isAlive, isUnheard }) => isAlive && isUnheard).length;
  const differ = differencesOf(operator.processes);
  const bad = operator.schedules.filter(({ runs: [last] }) =>
    ['missed', 'stopped', 'refused'].includes(last?.state ?? ''),
  );
  const found: (Attention | false)[] = [
    gone > 0 && { tone: 'warning', icon: 'unplug', text: about.gone(gone), href: '#workers' },
    unheard > 0 && {
      tone: 'warning',
      icon: 'clock-alert',
      text: about.unheard(unheard),
      href: '#workers',
    },
    paused.length > 0 && {
      tone: 'warning',
      icon: 'pause',
      text: about.paused(paused.map(({ name }) => `“${name}”`).join(', '), paused.length),
      href: '#queues',
    },
    asked > 0 && { tone: 'warning', icon: 'moon', text: about.quiet(asked), href: '#workers' },
    differ.size > 0 && {
      tone: 'warning',
      icon: 'git-compare-arrows',
      text: about.differ(differ.size),
      href: operator.workers.some(({ id }) => differ.has(id)) ? '#workers' : '#pages',
    },
    bad.length > 0 && {
      tone: 'warning',
      icon: 'calendar-x',
      text: about.schedules(bad.map(({ name }) => name).join(', '), bad.length),
      href: url('/tasks/schedules'),
    },
  ];
  return found.filter((one) => one !== false);
}

/** Hooks and notices that were given up. */
function ofHearers({ unseenTo, countLimit, url }: AttentionParts): Attention[] {
  const { about } = overviewTexts;
  const { hooks, hookTaskId, notices } = unseenTo;
  const found: (Attention | false)[] = [
    hooks > 0 && {
      tone: 'warning',
      icon: 'webhook',
      text: about.hooks(Math.min(hooks, countLimit), hooks > countLimit),
      href: url(`/tasks/${hookTaskId}`),
    },
    notices > 0 && {
      tone: 'warning',
      icon: 'bell-off',
      text: about.notices(Math.min(notices, countLimit), notices > countLimit),
      href: url('/tasks/deliveries'),
    },
  ];
  return found.filter((one) => one !== false);
}

export function tasksPath(
  states: readonly TaskState[],
  given: Parameters<typeof tasksSearch>[0]['given'] = {},
  sort: Parameters<typeof tasksSearch>[0]['sort'] = 'newest',
): string {
  return `/tasks${tasksSearch({ page: 1, states, given, sort })}`;
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
