import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { mayRun } from '../../operations/operations.ts';
import { inlineName } from '../../queue/backend.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import { abilitiesOf, backendOfOwn } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { countTasks, type ListedTask, listTasks } from '../looking/find-tasks.ts';
import { readTaskSearch, type TasksQuery } from '../looking/tasks-query.ts';
import { resourceOf } from '../running/may-run.ts';
import type { TaskState } from '../states.ts';
import type { TaskRow } from '../task-row.ts';
import { type MatchingAct, matchingActs, queryOf } from './matching-acts.ts';

/** Tasks that are shown, of all that match. */
const sampleSize = 10;

/** How many of them there are of a kind in a state. */
export interface MatchingCount {
  kind: TaskRow['kind'];
  state: TaskState;
  count: number;
}

export interface MatchingTotal {
  value: number;
  /** False: there are more. */
  isExact: boolean;
}

/** What is shown before something is done to all tasks that match. */
export interface MatchingPreview {
  act: MatchingAct;
  /** Of those that it can be done to. */
  query: TasksQuery;
  /** Number of the last task that there is. */
  upTo: number;
  counts: readonly MatchingCount[];
  total: MatchingTotal;
  /** The newest of them, each with why it would be left alone as it is now; null: it would not. */
  sample: readonly { task: ListedTask; why: string | null }[];
}

/** The definition of the task that does it. */
export function definitionOf(
  { definitions }: Pick<TaskContext, 'definitions'>,
  act: MatchingAct,
): TaskDefinition {
  return definitions.get(matchingActs[act].task) as TaskDefinition;
}

/** Does it run in the background? Within a request it would take as long as there are tasks. */
export function canActOnMatching(
  context: TaskContext,
  act: MatchingAct,
  principal: Principal,
): boolean {
  return backendOfOwn(context, definitionOf(context, act), { principal }) !== inlineName;
}

/**
 * Null: in the states that are asked for there is nothing to do. `upTo`: as it was shown before.
 * Counts stop at the setting. Throws as `readTaskSearch`.
 */
export async function previewMatching(
  context: TaskContext,
  principal: Principal,
  act: MatchingAct,
  asked: TasksQuery,
  upTo?: number,
): Promise<MatchingPreview | null> {
  const narrowed = queryOf(act, asked);
  if (!narrowed) return null;
  const last = await lastTask(context);
  const highest = Math.min(upTo ?? last, last);
  const search = {
    ...(await readTaskSearch(context.registry, principal, narrowed)),
    upTo: highest,
  };
  const limit = context.settings.countLimit;
  const { states } = narrowed;
  const kinds = (['bulk', 'own'] as const).filter((kind) => (search.kind ?? kind) === kind);
  const [page, ...counted] = await Promise.all([
    listTasks(context, principal, { page: 1, size: sampleSize, states, search }),
    ...kinds.map((kind) => countTasks(context, principal, { search: { ...search, kind }, limit })),
  ]);
  const counts = kinds.flatMap((kind, index) =>
    states.flatMap((state) => {
      const count = counted[index]?.get(state) ?? 0;
      return count === 0 ? [] : [{ kind, state, count }];
    }),
  );
  return {
    act,
    query: narrowed,
    upTo: highest,
    counts,
    total: totalOf(counts, limit),
    sample: page.tasks.map((task) => ({ task, why: whyLeftAlone(context, principal, act, task) })),
  };
}

function totalOf(counts: readonly MatchingCount[], limit: number): MatchingTotal {
  const value = counts.reduce((sum, { count }) => sum + count, 0);
  return value > limit ? { value: limit, isExact: false } : { value, isExact: true };
}

async function lastTask({ db }: TaskContext): Promise<number> {
  const { rows } = await query<{ last: number }>(
    db.pages,
    sql`select coalesce(max(id), 0) as last from ${raw(db.t.task)}`,
  );
  return rows[0]?.last ?? 0;
}

/** As far as its row says, by the code that the run would leave it alone with; null: it would not. */
function whyLeftAlone(
  context: TaskContext,
  principal: Principal,
  act: MatchingAct,
  task: TaskRow,
): string | null {
  if (act === 'acknowledgement') return null;
  if (act === 'cancellation') {
    const isBegun = task.state === 'running' || task.state === 'pausing';
    return isBegun && !abilitiesOf(context, task).cancel ? 'not-cancellable' : null;
  }
  if (task.kind === 'own')
    return context.definitions.has(task.operation) ? null : 'nothing-to-retry';
  const resource = resourceOf(context, { ...task, principal });
  if (!resource || !mayRun(resource, principal, task)) return 'forbidden';
  return task.failed + task.conflicted + task.keptBack === 0 ? 'nothing-to-retry' : null;
}

/** Throws AppError 'not-later' (422) where it would run within the request. */
export function assertInBackground(
  context: TaskContext,
  act: MatchingAct,
  principal: Principal,
): void {
  if (canActOnMatching(context, act, principal)) return;
  const message =
    'Nothing runs in the background here, so tasks are cancelled, tried again and seen to one by one, on their pages. Nothing was started.';
  throw new AppError('not-later', 422, message);
}
