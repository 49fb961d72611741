import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { query, raw, sql } from '../../db/sql.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { askedMeta } from '../asked-meta.ts';
import { wakeFor } from '../call-for.ts';
import { cancelDescendants } from '../cancel-descendants.ts';
import type { TaskContext } from '../context.ts';
import { enqueueOne } from '../enqueue-one.ts';
import { newFollowUp } from '../follow-ups/follow-up.ts';
import { undoOf } from '../follow-ups/prepare-undo.ts';
import { launchUndoRun } from '../follow-ups/undo-run.ts';
import { hasUndo } from '../follow-ups/undone-through.ts';
import type { NewTask } from '../insert-task.ts';
import { isKnownHere } from '../known.ts';
import { moveTask } from '../move-task.ts';
import { personNow } from '../running/may-run.ts';
import { isFinished, type TaskState, unfinishedSql } from '../states.ts';
import { type OwnTask, selectTask, type TaskRow } from '../task-row.ts';
import { wakeWaiting } from '../wake-waiting.ts';

/** Of one look: the rest has the next. */
const maxAtOnce = 100;

/** Rows `task` that take back what did the same before they begin, and wait for nobody’s end. */
export function isStartingOverSql({ db: { t } }: Pick<TaskContext, 'db'>): string {
  return `task.start_over is not null and task.state = 'queued'
    and not exists (select 1 from ${t.task} blocker where blocker.id = task.blocked_by and blocker.state in (${unfinishedSql}))`;
}

/**
 * Brings every task that starts over, and is known here, as far as it comes without waiting. Safe to
 * run anywhere at any time.
 */
export async function seeToStartingOver(context: TaskContext, pool: Pool): Promise<void> {
  const slugs = context.registry.list.map(({ slug }) => slug);
  const { rows } = await query<{ id: number }>(
    pool,
    sql`select id from ${raw(context.db.t.task)} task where ${raw(isStartingOverSql(context))}
      and (operation = any(${[...context.definitions.keys()]}) or resource = any(${slugs})) order by id limit ${maxAtOnce}`,
  );
  for (const { id } of rows)
    await startOver(context, pool, id).catch((error) =>
      context.log('warning', 'a task starts over later', { taskId: id, error }),
    );
}

/**
 * Takes back what did the same as a task, once that has ended, and lets the task begin once that is
 * taken back wholly. Each step is one transaction, which whoever comes next goes on from.
 */
export async function startOver(context: TaskContext, pool: Pool, taskId: number): Promise<void> {
  while (await step(context, pool, taskId));
}

type Part = NonNullable<TaskRow['startOver']>[number];

/** Gives whether there is more to do at once. */
async function step(context: TaskContext, pool: Pool, taskId: number): Promise<boolean> {
  const task = await findTask(pool, context, taskId);
  if (!task?.startOver || task.state !== 'queued') return false;
  const part = task.startOver.find(({ undoIds }) => undoIds === null);
  if (part) {
    const taken = await findTask(pool, context, part.taskId);
    if (taken && !isFinished(taken.state)) return waitFor(context, pool, task, taken.id);
    // Whoever knows it takes it back.
    if (!isKnownHere(context, task) || (taken && !isKnownHere(context, taken))) return false;
    return takeBack(context, pool, task, taken, part);
  }
  for (const { taskId: takenId, undoIds } of task.startOver)
    for (const undoId of undoIds ?? []) {
      const undo = await findTask(pool, context, undoId);
      if (undo && !isFinished(undo.state)) return waitFor(context, pool, task, undoId);
      if (undo?.state === 'succeeded') continue;
      const why = `its undo, task ${undoId}, has not taken back everything`;
      return giveUp(context, pool, task, takenId, why);
    }
  return inStep(context, pool, task, async (client) => {
    await client.query(
      `update ${context.db.t.task} set start_over = null, blocked_by = null, waits_for = null where id = $1`,
      [task.id],
    );
    await wakeFor(client, context, task.backend, { kind: task.kind, taskIds: [task.id] });
    return false;
  });
}

async function findTask(
  client: Queryable,
  { db: { t } }: TaskContext,
  id: number,
): Promise<TaskRow | null> {
  const { rows } = await client.query<TaskRow>(`${selectTask(t)} where id = $1`, [id]);
  return rows[0] ?? null;
}

/** Does a step if nobody was faster; then, and where it gives so, there is more to do. */
async function inStep(
  { db: { t } }: TaskContext,
  pool: Pool,
  { id, startOver: from }: TaskRow,
  work: (client: Queryable) => Promise<boolean>,
): Promise<boolean> {
  return transaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `select 1 from ${t.task} where id = $1 and state = 'queued' and start_over = $2 for update`,
      [id, JSON.stringify(from)],
    );
    return rowCount === 0 ? true : work(client);
  });
}

async function waitFor(
  context: TaskContext,
  pool: Pool,
  task: TaskRow,
  blockerId: number,
): Promise<boolean> {
  const { t } = context.db;
  if (task.blockedBy !== blockerId)
    await inStep(context, pool, task, async (client) => {
      await client.query(`update ${t.task} set blocked_by = $2 where id = $1`, [
        task.id,
        blockerId,
      ]);
      return false;
    });
  // Asked after that: it has either ended by now, or will wake it.
  const { rows } = await pool.query<{ state: TaskState }>(
    `select state from ${t.task} where id = $1`,
    [blockerId],
  );
  return !rows[0] || isFinished(rows[0].state);
}

/** Launches what takes a task back, on behalf of whoever starts over, and notes it with that. */
async function takeBack(
  context: TaskContext,
  pool: Pool,
  task: TaskRow,
  taken: TaskRow | null,
  part: Part,
): Promise<boolean> {
  try {
    const launchUndos = await undoLauncher(context, task, taken);
    return await inStep(context, pool, task, async (client) => {
      const undoIds = await launchUndos(client);
      const parts = task.startOver?.map((one) =>
        one.taskId === part.taskId ? { ...one, undoIds } : one,
      );
      await client.query(
        `update ${context.db.t.task} set start_over = $2, blocked_by = $3 where id = $1`,
        [task.id, JSON.stringify(parts), undoIds[0] ?? null],
      );
      return undoIds.length === 0;
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return giveUp(context, pool, task, part.taskId, `that cannot be done: ${error.message}`);
  }
}

/** What is asked outside of the transaction that launches it. */
async function undoLauncher(
  context: TaskContext,
  { principal: launcher }: TaskRow,
  taken: TaskRow | null,
): Promise<(client: Queryable) => Promise<number[]>> {
  const principal = await personNow(context, launcher);
  if (!principal)
    throw new AppError('forbidden', 403, `${launcher.name} may not sign in any more.`);
  if (!taken) throw new AppError('images-gone', 409, 'It is not kept any more.');
  const operationId = randomUUID();
  if (taken.kind === 'own' && hasUndo(context, taken)) {
    if (taken.startedAt === null) return async () => [];
    return async (client) => [
      (await launchUndoRun(context, principal, taken as OwnTask, operationId, client)).task.id,
    ];
  }
  const undos: NewTask[] = [];
  for (const followUp of await undosOf(context, principal, taken, operationId)) {
    const undo = newFollowUp(followUp);
    const options = { ...undo.options, overlap: 'wait' as const };
    undos.push({ ...undo, options, operationId: null, meta: await askedMeta(context, undo) });
  }
  return async (client) => {
    const ids: number[] = [];
    for (const undo of undos) ids.push((await enqueueOne(client, context, undo)).task.id);
    return ids;
  };
}

/** None, where it has changed nothing. */
async function undosOf(
  context: TaskContext,
  principal: TaskRow['principal'],
  taken: TaskRow,
  operationId: string,
): Promise<Awaited<ReturnType<typeof undoOf>> | []> {
  try {
    return await undoOf(context, principal, taken, { operationId });
  } catch (error) {
    if (error instanceof AppError && error.code === 'nothing-to-undo') return [];
    throw error;
  }
}

/** Nothing of it was begun. */
async function giveUp(
  context: TaskContext,
  pool: Pool,
  task: TaskRow,
  takenId: number,
  why: string,
): Promise<boolean> {
  const message =
    `What task ${takenId} did was to be taken back before this began, and ${why}. Nothing of this was begun.`.replace(
      '.. ',
      '. ',
    );
  return inStep(context, pool, task, async (client) => {
    await moveTask(client, context.db.t, task.id, 'failed', { reason: 'not-taken-back', message });
    await cancelDescendants(client, context, task.id);
    await wakeWaiting(client, context, task.id);
    return false;
  });
}
