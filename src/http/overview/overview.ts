import type { Principal } from '../../auth/principal.ts';
import { readerOf } from '../../fields/reader.ts';
import { healthPath } from '../../health/finding.ts';
import { findOperation } from '../../operations/operations.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import type { FailuresInTime } from '../../tasks/looking/failures-in-time.ts';
import { type KindOfTask, type Lately, maxCounted } from '../../tasks/looking/lately.ts';
import type { TasksUnderWay, WaitingTask } from '../../tasks/looking/under-way.ts';
import type { UnseenTo } from '../../tasks/looking/unseen-to.ts';
import type { TaskState } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { operates } from '../../tasks/who-sees.ts';
import { formatNumber, formatSpan, formatTimestamp } from '../format.ts';
import { type ScheduleLine, schedulesData } from '../schedules/schedules.ts';
import type { AsOf } from '../shell/as-of.ts';
import type { Link } from '../tasks/progress.ts';
import { type TaskLine, taskLine } from '../tasks/tasks.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import type { Url } from '../url.ts';
import { type Attention, attentionOf, sum, tasksPath } from './attention.ts';
import { chartSvg } from './chart.ts';
import { type ControlAct, queueAct } from './control.ts';
import type { OperatorParts } from './operator-parts.ts';
import { overviewTexts } from './overview-texts.ts';
import { differencesInWords, type PagesLine, pagesLines } from './processes.ts';
import { filterOf, type LookBack, lookBacks, type ShownStretch } from './stretches.ts';
import { type WorkerLine, workerLine } from './workers.ts';

/** A chart, with all that it says in a table. */
export interface ChartData {
  title: string;
  note: string;
  svg: string;
  /** Of the part that is opened to read the table. */
  summary: string;
  columns: readonly string[];
  rows: readonly { name: string; cells: readonly string[] }[];
}

export interface OverviewData {
  title: string;
  tasks: Link;
  /** Null: it is not theirs to see. */
  health: Link | null;
  refresh: Link;
  asOf: string;
  attention: readonly Attention[];
  figures: readonly (Link & { count: string; icon: string })[];
  oldest: readonly (TaskLine & { waited: string })[];
  /** How old what they count may be. */
  chartsAsOf: AsOf | null;
  charts: readonly ChartData[];
  countedFrom: string | null;
  lookBacks: readonly (Link & { isCurrent: boolean })[];
  kinds: readonly { label: string; note: string | null; cells: readonly string[] }[];
  failures: {
    columns: readonly string[];
    rows: readonly {
      reason: string;
      total: FailureCell;
      cells: readonly FailureCell[];
    }[];
  };
  /** Null: they are not theirs to see. */
  queues: readonly QueueLine[] | null;
  workers: readonly WorkerLine[] | null;
  pages: readonly PagesLine[] | null;
  schedules: { lines: readonly ScheduleLine[]; all: Link } | null;
  words: typeof overviewTexts;
}

/** A queue, with what waits in it and runs of it. */
interface QueueLine {
  name: string;
  waiting: Link;
  running: Link;
  paused: { text: string; reason: string | null } | null;
  act: ControlAct | null;
}

/** A figure that leads to the tasks that it counts; of none it is no link. */
export interface FailureCell {
  text: string;
  href: string | null;
  label: string;
}

export interface OverviewParts {
  now: Date;
  url: Url;
  registry: ResourceRegistry;
  principal: Principal;
  lookBack: LookBack;
  hours: readonly ShownStretch[];
  columns: readonly ShownStretch[];
  underWay: readonly TasksUnderWay[];
  lately: Lately;
  failures: readonly FailuresInTime[];
  unseenTo: UnseenTo;
  oldest: readonly WaitingTask[];
  /** The rows of these, in any order. */
  waiting: readonly TaskRow[];
  operator: OperatorParts | null;
  countLimit: number;
  queuedWarnMs: number;
  chartsAsOf: AsOf | null;
  /** Are schedules followed? */
  isBackground: boolean;
}

const clock = 'HH:mm';

export async function overviewData(parts: OverviewParts): Promise<OverviewData> {
  const { now, url, registry, principal, lookBack, operator, isBackground } = parts;
  const { timeZone } = readerOf(principal);
  const here = (of: LookBack) => url(`/tasks/overview${of === 'day' ? '' : `?of=${of}`}`);
  const { countedFrom } = parts.lately;
  const differs = differencesInWords(operator?.processes ?? []);
  return {
    title: overviewTexts.heading,
    tasks: { href: url('/tasks'), label: overviewTexts.tasks },
    health: operates(parts, principal)
      ? { href: url(healthPath), label: overviewTexts.health }
      : null,
    refresh: { href: here(lookBack), label: overviewTexts.refresh },
    asOf: overviewTexts.asOf(formatTimestamp(now, now, timeZone)),
    attention: attentionOf(parts),
    figures: figuresOf(parts),
    oldest: oldestOf(parts),
    charts: await chartsOf(parts),
    chartsAsOf: parts.chartsAsOf,
    countedFrom:
      countedFrom &&
      overviewTexts.countedFrom(maxCounted, formatTimestamp(countedFrom, now, timeZone)),
    lookBacks: lookBacks.map((of) => ({
      href: here(of),
      label: overviewTexts.lookBacks[of],
      isCurrent: of === lookBack,
    })),
    kinds: parts.lately.kinds.map((kind) => kindLine(kind, registry)),
    failures: failuresOf(parts),
    queues: operator && queueLines(parts, operator),
    workers:
      operator?.workers.map((worker) =>
        workerLine(worker, {
          ...{ now, url, timeZone, titles: operator.titles },
          operates: operates(parts, principal),
          differs: differs.get(worker.id) ?? [],
        }),
      ) ?? null,
    pages: operator && pagesLines(operator.processes, { now, timeZone }),
    schedules: operator && {
      lines: schedulesData(operator.schedules, { now, timeZone, url, areFollowed: isBackground })
        .lines,
      all: { href: url('/tasks/schedules'), label: overviewTexts.schedules },
    },
    words: overviewTexts,
  };
}

const figures: Record<
  keyof typeof overviewTexts.figures,
  { icon: string; states: readonly TaskState[] }
> = {
  running: { icon: 'loader', states: ['preparing', 'running', 'pausing', 'cancelling'] },
  waiting: { icon: 'clock', states: ['queued'] },
  scheduled: { icon: 'calendar-clock', states: ['scheduled'] },
  paused: { icon: 'pause', states: ['paused'] },
};

function figuresOf({ underWay, url }: OverviewParts): OverviewData['figures'] {
  return Object.entries(figures).map(([name, { icon, states }]) => ({
    href: url(tasksPath(states)),
    label: overviewTexts.figures[name as keyof typeof figures],
    icon,
    count: formatNumber(
      sum(underWay.filter(({ state }) => states.includes(state)).map(({ count }) => count)),
    ),
  }));
}

function oldestOf({ oldest, waiting, ...parts }: OverviewParts): OverviewData['oldest'] {
  const { now, url, registry, principal } = parts;
  return oldest.flatMap(({ id, since }) => {
    const task = waiting.find((one) => one.id === id);
    if (!task) return [];
    const about = { now, url, resources: registry.list, principal };
    const waited = overviewTexts.waited(formatSpan(now.getTime() - since.getTime()));
    return { ...taskLine({ ...task, isUndone: false }, about), waited };
  });
}

async function chartsOf({ hours, lately: { stretches } }: OverviewParts): Promise<ChartData[]> {
  const { charts, chartNotes, columns, none } = overviewTexts;
  const labels = hours.map(({ from }) => from.toFormat(clock));
  const names = hours.map(({ from, until }) =>
    overviewTexts.hour(from.toFormat(clock), until.toFormat(clock)),
  );
  const spanOf = (ms: number | null) => (ms === null ? none : formatSpan(ms));
  const shown: Record<
    keyof typeof charts,
    {
      value: (stretch: (typeof stretches)[number]) => number;
      columns: readonly string[];
      cells: (stretch: (typeof stretches)[number]) => string[];
    }
  > = {
    changed: {
      value: ({ changed }) => changed,
      columns: [columns.changed, columns.ended],
      cells: ({ changed, ended }) => [formatNumber(changed), formatNumber(ended)],
    },
    failures: {
      value: ({ failed, partial }) => failed + partial,
      columns: [columns.failed, columns.partial],
      cells: ({ failed, partial }) => [formatNumber(failed), formatNumber(partial)],
    },
    waits: {
      value: ({ waitP95Ms }) => Math.round((waitP95Ms ?? 0) / 100) / 10,
      columns: [columns.waitP50, columns.waitP95],
      cells: ({ waitP50Ms, waitP95Ms }) => [spanOf(waitP50Ms), spanOf(waitP95Ms)],
    },
  };
  return Promise.all(
    Object.entries(shown).map(async ([name, chart]) => {
      const title = charts[name as keyof typeof charts];
      return {
        title,
        note: chartNotes[name as keyof typeof charts],
        svg: await chartSvg({ labels, values: stretches.map(chart.value) }),
        summary: overviewTexts.figuresOf(title),
        columns: [columns.hour, ...chart.columns],
        rows: stretches.map((stretch, place) => ({
          name: names[place] ?? '',
          cells: chart.cells(stretch),
        })),
      };
    }),
  );
}

function queueLines(
  { now, url, underWay, principal, registry }: OverviewParts,
  { queues }: OperatorParts,
): QueueLine[] {
  const { timeZone } = readerOf(principal);
  const mayAct = operates({ registry }, principal);
  const countOf = (name: string, of: keyof typeof figures): Link => {
    const { states } = figures[of];
    const groups = underWay.filter(({ queue, state }) => queue === name && states.includes(state));
    return {
      href: url(tasksPath(states, { queue: name })),
      label: formatNumber(sum(groups.map(({ count }) => count))),
    };
  };
  return queues.map(({ name, pausedBy, pausedAt, reason }) => ({
    name,
    waiting: countOf(name, 'waiting'),
    running: countOf(name, 'running'),
    paused: pausedAt && {
      text: overviewTexts.queuePaused(pausedBy ?? '', formatTimestamp(pausedAt, now, timeZone)),
      reason: reason === null ? null : taskTexts.because(reason),
    },
    act: mayAct ? queueAct(name, pausedAt !== null, url) : null,
  }));
}

function kindLine(kind: KindOfTask, registry: ResourceRegistry): OverviewData['kinds'][number] {
  const { runs, failures, p50Ms, p95Ms } = kind;
  const spanOf = (ms: number | null) => (ms === null ? overviewTexts.none : formatSpan(ms));
  return {
    ...kindInWords(kind, registry),
    cells: [formatNumber(runs), formatNumber(failures), spanOf(p50Ms), spanOf(p95Ms)],
  };
}

function kindInWords(
  { kind, operation, resource: slug }: KindOfTask,
  { list }: ResourceRegistry,
): { label: string; note: string | null } {
  if (kind === 'own')
    return { label: overviewTexts.ownTasks[operation] ?? operation, note: taskTexts.ownTask };
  const resource = list.find((one) => one.slug === slug);
  const words = resource && findOperation(resource, operation)?.words.button.replace(/…$/, '');
  const what = words ?? operation;
  return { label: overviewTexts.kindOf(what, resource?.label ?? slug ?? ''), note: null };
}

function failuresOf({ failures, columns, lookBack, url }: OverviewParts): OverviewData['failures'] {
  const labels = columns.map(({ from, until }) =>
    lookBack === 'day'
      ? overviewTexts.hours(from.toFormat('HH'), until.toFormat('HH'))
      : from.toFormat('ccc d'),
  );
  const [first, last] = [columns[0], columns.at(-1)] as [ShownStretch, ShownStretch];
  return {
    columns: labels,
    rows: failures.map(({ reason, counts, total }) => {
      const words = reason === null ? overviewTexts.noReason : inWords(reason);
      // What has no reason is found by none.
      const cell = (count: number, when: string, stretch: ShownStretch): FailureCell => ({
        text: count === 0 ? overviewTexts.none : formatNumber(count),
        href:
          count === 0
            ? null
            : url(
                tasksPath(['failed', 'partial'], {
                  ...(reason === null ? {} : { reason }),
                  ...filterOf(stretch),
                }),
              ),
        label: overviewTexts.failuresIn(count, words, when),
      });
      return {
        reason: words,
        total: cell(total, overviewTexts.lookBacks[lookBack], {
          from: first.from,
          until: last.until,
        }),
        cells: counts.map((count, place) =>
          cell(count, labels[place] ?? '', columns[place] as ShownStretch),
        ),
      };
    }),
  };
}

function inWords(reason: string): string {
  return taskTexts.reasons[reason] ?? reason;
}

declare module '../pages.ts' {
  interface Pages {
    'overview/index': OverviewData;
  }
}
