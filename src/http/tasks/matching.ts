import { randomUUID } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import type { StateCounts } from '../../tasks/looking/find-tasks.ts';
import { parseTasksSearch, type TasksQuery, tasksSearch } from '../../tasks/looking/tasks-query.ts';
import {
  actOfTask,
  type MatchingAct,
  matchingActs,
  matchingParams,
  queryOf,
} from '../../tasks/matching/matching-acts.ts';
import type { MatchingCount, MatchingPreview } from '../../tasks/matching/preview-matching.ts';
import type { TaskState } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { filterLines } from './dashboard-filter.ts';
import { matchingTexts } from './matching-texts.ts';

/** Above so many tasks, somebody ticks that they mean all of them. */
const maxUnasked = 25;

const icons: Record<MatchingAct, string> = {
  cancellation: 'circle-stop',
  retry: 'rotate-ccw',
  acknowledgement: 'check-check',
};

/** Under the filter of the page of tasks: what can be done to all that match. */
export interface MatchingLinks {
  label: string;
  links: readonly { href: string; label: string; icon: string }[];
}

/** Those acts of which some match. `unacknowledged`: of those that failed, seen to by nobody. */
export function matchingLinks(
  query: TasksQuery,
  {
    ofState,
    unacknowledged,
    limit,
    url,
  }: { ofState: StateCounts; unacknowledged: StateCounts; limit: number; url: Url },
): MatchingLinks {
  const links = (Object.keys(matchingActs) as MatchingAct[]).flatMap((act) => {
    const narrowed = queryOf(act, query);
    const counts = act === 'acknowledgement' ? unacknowledged : ofState;
    const value = (narrowed?.states ?? []).reduce((sum, one) => sum + (counts.get(one) ?? 0), 0);
    if (value === 0) return [];
    const count = matchingTexts.count(Math.min(value, limit), value <= limit);
    return [
      {
        href: url(`/tasks/matching/${act}${tasksSearch({ ...query, page: 1 })}`),
        label: matchingTexts.acts[act].button(count),
        icon: icons[act],
      },
    ];
  });
  return { label: matchingTexts.all, links };
}

/** Kinds and states with how many there are. */
export interface CountTable {
  columns: typeof matchingTexts.columns;
  lines: readonly { kind: string; badge: Badge; count: string }[];
}

export function countTable(counts: readonly MatchingCount[], limit: number): CountTable {
  return {
    columns: matchingTexts.columns,
    lines: counts.map(({ kind, state, count }) => ({
      kind: matchingTexts.kinds[kind],
      badge: badgeOf(state),
      count: matchingTexts.count(Math.min(count, limit), count <= limit),
    })),
  };
}

/** Some of them, each with what would become of it, or with what did. */
export interface FateTable {
  columns: typeof matchingTexts.columns;
  lines: readonly {
    id: number | null;
    title: string;
    href: string | null;
    badge: Badge | null;
    outcome: string;
    isDone: boolean;
    followUp: { href: string; label: string } | null;
  }[];
}

/** What somebody confirms before a task acts on all that match. */
export interface MatchingPageData {
  title: string;
  act: MatchingAct;
  action: string;
  operationId: string;
  upTo: number;
  count: number;
  isExact: boolean;
  message: string | null;
  filter: { heading: string; lines: readonly string[] };
  notes: readonly string[];
  breakdown: ({ heading: string } & CountTable) | null;
  sample: ({ heading: string } & FateTable) | null;
  acknowledge: { text: string; error: string | null } | null;
  /** Null: there is nothing to do. */
  submit: { text: string; icon: string; isDangerous: boolean } | null;
  emptyText: string;
  back: { href: string; label: string };
}

export function isAskedToTick({ value, isExact }: { value: number; isExact: boolean }): boolean {
  return value > maxUnasked || !isExact;
}

export function matchingPageData(
  act: MatchingAct,
  preview: MatchingPreview | null,
  {
    asked,
    titles,
    operationId = randomUUID(),
    message = null,
    isUnticked = false,
    registry,
    principal,
    limit,
    url,
  }: {
    /** As the address has it. */
    asked: TasksQuery;
    titles: ReadonlyMap<number, string>;
    operationId?: string;
    message?: string | null;
    isUnticked?: boolean;
    registry: ResourceRegistry;
    principal: Principal;
    limit: number;
    url: Url;
  },
): MatchingPageData {
  const texts = matchingTexts.acts[act];
  const total = preview?.total ?? { value: 0, isExact: true };
  const isSome = preview !== null && total.value > 0;
  const counted = matchingTexts.tasks(total.value, total.isExact);
  return {
    title: texts.title(counted),
    act,
    action: url(`/tasks/matching/${act}${tasksSearch({ ...asked, page: 1 })}`),
    operationId,
    upTo: preview?.upTo ?? 0,
    count: total.value,
    isExact: total.isExact,
    message,
    filter: {
      heading: matchingTexts.filter,
      lines: filterLines(preview?.query ?? asked, { registry, principal, url }),
    },
    notes: [...texts.notes, matchingTexts.laterNote, matchingTexts.askedNote],
    breakdown: isSome
      ? { heading: matchingTexts.breakdown, ...countTable(preview.counts, limit) }
      : null,
    sample: isSome
      ? {
          heading: matchingTexts.sample(preview.sample.length),
          columns: matchingTexts.columns,
          lines: preview.sample.map(({ task, why }) => ({
            id: task.id,
            title: titles.get(task.id) ?? task.title,
            href: url(`/tasks/${task.id}`),
            badge: badgeOf(task.state),
            outcome: why === null ? texts.would : reasonInWords(why, null),
            isDone: why === null,
            followUp: null,
          })),
        }
      : null,
    acknowledge:
      isSome && isAskedToTick(total)
        ? {
            text: texts.acknowledge(counted),
            error: isUnticked ? matchingTexts.unacknowledged : null,
          }
        : null,
    submit: isSome
      ? { text: texts.submit(counted), icon: icons[act], isDangerous: act === 'cancellation' }
      : null,
    emptyText: matchingTexts.none,
    back: { href: url(`/tasks${tasksSearch(asked)}`), label: matchingTexts.dismiss },
  };
}

/** What such a task is asked to do, a line each; null: it is none, or its parameters are not such. */
export function matchingInWords(
  { operation, parameters }: Pick<TaskRow, 'operation' | 'parameters'>,
  parts: { registry: ResourceRegistry; principal: Principal; url: Url },
): string[] | null {
  const act = actOfTask(operation);
  const read = matchingParams.safeParse(parameters);
  if (!act || !read.success) return null;
  const { filter, upTo } = read.data;
  const { what } = matchingTexts.acts[act];
  try {
    const lines = filterLines(parseTasksSearch(filter), parts);
    return [what, ...lines, matchingTexts.upTo(upTo)];
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** What would have become of one of them, as it was shown before. */
export function outcomeBefore(operation: string, why: string | null): string {
  const act = actOfTask(operation);
  return why === null && act ? matchingTexts.acts[act].would : reasonInWords(why ?? '', null);
}

export function reasonInWords(code: string, message: string | null): string {
  return matchingTexts.reasons[code] ?? message ?? code;
}

/** The same for programs. */
export function matchingJson(act: MatchingAct, preview: MatchingPreview | null) {
  return {
    act,
    count: preview?.total.value ?? 0,
    isExact: preview?.total.isExact ?? true,
    upTo: preview?.upTo ?? 0,
    states: (preview?.query.states ?? []) as readonly TaskState[],
    counts: preview?.counts ?? [],
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/matching': MatchingPageData;
  }
}
