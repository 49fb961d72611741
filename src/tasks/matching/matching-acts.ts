import { z } from 'zod';
import { ourPrefix } from '../../task-definitions/task-definitions.ts';
import { type TasksQuery, tasksSearch } from '../looking/tasks-query.ts';
import { type TaskState, unfinishedStates } from '../states.ts';

/** What is done to every task that matches a filter, by its noun in the address. */
export const matchingActs = {
  cancellation: {
    /** Name of the task that does it. */
    task: `${ourPrefix}cancel-tasks`,
    /** States of tasks that it is done to. */
    states: unfinishedStates.filter((state) => state !== 'cancelling'),
  },
  retry: { task: `${ourPrefix}retry-tasks`, states: ['partial', 'failed', 'cancelled'] },
  acknowledgement: { task: `${ourPrefix}acknowledge-tasks`, states: ['partial', 'failed'] },
} as const satisfies Record<string, { task: string; states: readonly TaskState[] }>;

export type MatchingAct = keyof typeof matchingActs;

/** Null: it is no such task. */
export function actOfTask(name: string): MatchingAct | null {
  const found = Object.entries(matchingActs).find(([, { task }]) => task === name);
  return found ? (found[0] as MatchingAct) : null;
}

/**
 * The filter of those that match and that it can be done to: in states of its own, and, where
 * somebody is to see to them, seen to by nobody. Null: there are none, whatever there is.
 */
export function queryOf(act: MatchingAct, query: TasksQuery): TasksQuery | null {
  const own: readonly TaskState[] = matchingActs[act].states;
  const states = query.states.length === 0 ? own : own.filter((one) => query.states.includes(one));
  if (states.length === 0) return null;
  const narrowed = { ...query, states, page: 1, sort: 'newest' as const };
  if (act !== 'acknowledgement') return narrowed;
  const { acknowledged = 'no' } = query.given;
  if (acknowledged === 'yes') return null;
  return { ...narrowed, given: { ...query.given, acknowledged } };
}

/** The same filter as the parameters of a task have it: `state=failed&person=Ada`. */
export function filterText(query: TasksQuery): string {
  return tasksSearch(query).slice(1);
}

/** What such a task is launched with. */
export const matchingParams = z.strictObject({
  /** As in the address: `state=failed&person=Ada`. */
  filter: z.string().max(16_000),
  /** In which the days of the filter are meant. */
  timeZone: z.string().max(100).optional(),
  /** Number of the last task that there was; later ones are left alone. */
  upTo: z.int().nonnegative(),
  /** How many matched, as was shown; not exact: there were more. */
  shown: z.int().nonnegative(),
  isExact: z.boolean(),
});
export type MatchingParams = z.infer<typeof matchingParams>;
