import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Pool } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import { transaction } from '../../db/transaction.ts';
import { inlineName } from '../../queue/backend.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import {
  type ChildOptions,
  type ChildOutcome,
  type ChildTask,
  type Launchable,
  TaskChildFailed,
  type TaskRun,
} from '../../task-definitions/task-run.ts';
import { backendOfOwn } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { inInlineTurn } from '../inline-turns.ts';
import type { Lease } from '../running/lease.ts';
import { isFinished } from '../states.ts';
import type { OwnTask } from '../task-row.ts';
import { launchOwn } from './launch-own.ts';
import { keepStep, type NamedStep, type StepKind } from './steps.ts';

export interface Children {
  context: TaskContext;
  pool: Pool;
  task: OwnTask;
  lease: Lease;
  principal: Principal;
  /** What is kept of the call. */
  begin(name: string, kind: StepKind): Promise<NamedStep | null>;
  assertGoesOn(): void;
  /** Ends the run here; it goes on when these have ended, or the first has not succeeded. */
  suspend(children: readonly number[], failsFast: boolean): never;
}

type ChildState = Pick<
  OwnTask,
  'id' | 'title' | 'state' | 'result' | 'message' | 'reason' | 'parentId'
>;

const maxChildren = 10_000;

/** The calls of a run by which parts of it are tasks of their own. */
export function childCalls({
  context,
  pool,
  task,
  lease,
  principal,
  begin,
  assertGoesOn,
  suspend,
}: Children): Pick<TaskRun, 'launch' | 'all'> {
  const { t } = context.db;
  const lineId = task.lineId ?? task.id;
  let inlineBefore: Promise<unknown> = Promise.resolve();
  return { launch, all: all as TaskRun['all'] };

  async function launch<S extends StandardSchemaV1, R>(
    name: string,
    definition: Launchable<S, R>,
    params: StandardSchemaV1.InferInput<S>,
    options: ChildOptions = {},
  ): Promise<ChildTask<R>> {
    const kept = (await begin(name, 'launch'))?.result as { id: number } | undefined;
    const [before] = kept ? await read([kept.id]) : [];
    if (before && !isOfNoUse(before)) return { id: before.id, name };
    const backend = backendOfOwn(context, definition as unknown as TaskDefinition, { principal });
    const launchIt = () =>
      transaction(pool, async (client) => {
        const launching = {
          ...options,
          principal,
          parentId: task.id,
          followsId: before?.id ?? null,
          isRunAfter: true,
          backend,
        };
        const child = await launchOwn(
          context,
          definition as TaskDefinition<S, R>,
          params,
          launching,
          client,
        );
        // Its steps are those of the one before: two at once would do them beside each other.
        if (before && !isFinished(before.state))
          await client.query(
            `update ${t.task} set blocked_by = $2, waits_for = 'task' where id = $1`,
            [child.id, before.id],
          );
        const result = { id: child.id };
        await keepStep(client, t, lease, { lineId, name, kind: 'launch', isDone: true, result });
        return child;
      });
    if (backend !== inlineName) return { id: (await launchIt()).id, name };
    // One after the other: each has a session of its own while it runs.
    const running = inlineBefore.then(() =>
      inInlineTurn(context, async () => {
        const child = await launchIt();
        await context.runWithin(child);
        return child.id;
      }),
    );
    inlineBefore = running.catch(() => undefined);
    return { id: await running, name };
  }

  /** Launched for the task that this one tries again, and in vain. */
  function isOfNoUse({ parentId, state }: ChildState): boolean {
    return parentId !== task.id && state !== 'succeeded';
  }

  async function all(
    children: readonly ChildTask[],
    { onFailure = 'fail' }: { onFailure?: 'fail' | 'collect' } = {},
  ): Promise<unknown[]> {
    assertGoesOn();
    if (children.length > maxChildren)
      throw new TypeError('all: 10,000 children at a time are the most.');
    const rows = new Map((await read(children.map(({ id }) => id))).map((row) => [row.id, row]));
    const outcomes = children.map(({ id, name }) => outcomeOf(id, name, rows.get(id)));
    const failed = outcomes.find((one) => one.isFinished && one.state !== 'succeeded');
    if (failed && onFailure === 'fail') throw new TaskChildFailed(failed);
    const unfinished = outcomes.filter((one) => !one.isFinished).map(({ id }) => id);
    if (unfinished.length > 0)
      suspend(
        outcomes.map(({ id }) => id),
        onFailure === 'fail',
      );
    return onFailure === 'fail' ? outcomes.map(({ result }) => result) : outcomes;
  }

  async function read(ids: readonly number[]): Promise<ChildState[]> {
    const { rows } = await pool.query<ChildState>(
      `select id, title, state, result, message, reason, parent_id as "parentId" from ${t.task} where id = any($1)`,
      [ids],
    );
    return rows;
  }
}

function outcomeOf(
  id: number,
  name: string,
  row: ChildState | undefined,
): ChildOutcome & { isFinished: boolean } {
  if (!row) throw new Error(`all: there is no task ${id} (any more).`);
  const { title, state, result, message, reason } = row;
  return { id, name, title, state, result, message, reason, isFinished: isFinished(state) };
}
