import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import {
  countFound,
  countTasks,
  listTasks,
  type TaskPage,
} from '../../tasks/looking/find-tasks.ts';
import { readTaskSearch, type TasksQuery, wrongQuery } from '../../tasks/looking/tasks-query.ts';
import type { RouteOptions } from '../route-options.ts';
import { readOwnColumns } from './own-columns.ts';
import { named } from './task-title.ts';
import { type TaskCounts, type TaskListData, taskListData } from './tasks.ts';

type Options = Pick<RouteOptions, 'admin' | 'context' | 'url'>;

export interface FoundTasks {
  page: TaskPage;
  counts: TaskCounts;
}

/** A page of the list of tasks, and how many there are in each state. */
export async function readTasksPage(
  { context }: Pick<Options, 'context'>,
  principal: Principal,
  query: TasksQuery,
): Promise<FoundTasks> {
  const { countLimit: limit } = context.settings;
  const { page, states, sort } = query;
  if ((page - 1) * limits.shown.tasks > limit)
    throw new AppError('invalid-page', 422, wrongQuery.far(limit), { field: '_page' });
  const search = await readTaskSearch(context.registry, principal, query);
  const isText = search.text !== undefined;
  const [{ tasks, hasNext }, counts] = await Promise.all([
    listTasks(context, principal, { page, size: limits.shown.tasks, states, search, sort }),
    isText
      ? countFound(context, principal, { search, limit })
      : countTasks(context, principal, { search, limit }).then((ofState) => ({
          ofState,
          unacknowledged: null,
        })),
  ]);
  return {
    page: { tasks: await named(context, principal, tasks), hasNext },
    counts: { ...counts, limit },
  };
}

/** What the list shows of them. */
export async function tasksList(
  { admin, context, url }: Options,
  principal: Principal,
  query: TasksQuery,
  { page, counts }: FoundTasks,
): Promise<TaskListData> {
  return taskListData(page, {
    query,
    counts,
    now: new Date(),
    url,
    resources: context.registry.list,
    principal,
    columns: await readOwnColumns(context, admin.taskColumns ?? [], page.tasks),
  });
}
