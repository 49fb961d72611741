import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskDefinitions } from '../../task-definitions/task-definitions.ts';
import type { TaskContext } from '../context.ts';
import { actOnMatching } from './act-on-matching.ts';
import { type MatchingAct, matchingActs, matchingParams } from './matching-acts.ts';

/** Longest that one attempt goes on, after which the next goes on from there: a day. */
const hardLimitMs = 86_400_000;

const number = new Intl.NumberFormat('en');

const titles: Record<MatchingAct, (tasks: string) => string> = {
  cancellation: (tasks) => `Cancel ${tasks}`,
  retry: (tasks) => `Try ${tasks} again`,
  acknowledgement: (tasks) => `See to ${tasks}`,
};

/** `12 tasks`, `10,000+ tasks`. */
export function tasksInWords({ shown, isExact }: { shown: number; isExact: boolean }): string {
  const plus = isExact ? '' : '+';
  return `${number.format(shown)}${plus} ${shown === 1 && isExact ? 'task' : 'tasks'}`;
}

/** The tasks of Bulkhead's own that act on all tasks that match a filter. */
export function matchingTasks(contextOf: () => TaskContext): TaskDefinitions {
  return new Map(
    Object.entries(matchingActs).map(([act, { task: name }]) => [
      name,
      defineTask({
        name,
        params: matchingParams,
        title: (params) => titles[act as MatchingAct](tasksInWords(params)),
        attempts: 10,
        hardLimitMs,
        run: (params, task) => actOnMatching(contextOf(), act as MatchingAct, params, task),
      }) as unknown as TaskDefinition,
    ]),
  );
}
