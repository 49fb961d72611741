import type { TableNames } from '../../db/names.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { inTurn } from '../../db/turns.ts';
import { AppError } from '../../errors.ts';
import { editsOf, getOperation } from '../../operations/operations.ts';
import { clientTransaction, needsClient } from '../../operations/rules/client-transaction.ts';
import { findRewriting } from '../../operations/triggers.ts';
import { rowsOf } from '../../operations/update/moves-onto.ts';
import type { Client } from '../../resources/client.ts';
import type { TaskContext } from '../context.ts';
import type { TaskFound } from '../duplicate.ts';
import { inInlineTurn } from '../inline-turns.ts';
import { insertTask, type NewTask } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { earlierTask, recordsHeld } from '../launched.ts';
import { makeRoom } from '../own/unique.ts';
import { activate, lockModels } from '../running/activate.ts';
import { applyIsolated, type ChunkOutcome } from '../running/apply-isolated.ts';
import { askDescendants, keepDescendants } from '../running/descendants.ts';
import { keepFailures } from '../running/failures.ts';
import { finishChunk } from '../running/finish-chunk.ts';
import { overlapMessage } from '../running/prepare.ts';
import { readyOperation } from '../running/ready-operation.ts';
import { assertStayApart } from '../running/stay-apart.ts';
import { TaskRefused } from '../running/task-refused.ts';
import { writeCalls } from '../running/write-calls.ts';
import { selectTask, type TaskRow } from '../task-row.ts';
import { askBulkTurn, lockBulkTurn } from './bulk-unique.ts';

/** The same is under way, and its end is to be waited for: not within a request. */
export class GoesBehind extends Error {
  readonly task: TaskFound;

  constructor(task: TaskFound) {
    super(`it goes behind task ${task.id}`);
    this.task = task;
  }
}

/**
 * Runs a small task within the request: one transaction, all or nothing. `admit` is called when it
 * has its turn, and refuses it by throwing. Throws GoesBehind.
 */
export async function runInline(
  context: TaskContext,
  task: NewTask & Pick<Required<NewTask>, 'unique'>,
  keys: readonly string[],
  admit: (task: NewTask) => Promise<void>,
): Promise<Launched> {
  let done: { outcome: ChunkOutcome; startedAt: number } | null = null;
  try {
    const launched = await inInlineTurn(context, () =>
      inTurn(context.db.pages, async (lockMs) => {
        const run = (client: Queryable, tx: Client | null) =>
          inTransaction(client, tx, Math.min(lockMs, context.settings.lockTimeoutMs));
        const { resource } = task;
        const isPlain = !needsClient(resource, getOperation(resource, task.operation));
        if (isPlain && !resource.descendants)
          return transaction(context.db.pages, (client) => run(client, null));
        return clientTransaction(
          context.registry,
          context.db.pages,
          { timeoutMs: context.settings.statementTimeoutMs },
          run,
        );
      }),
    );
    countDone();
    return launched;
  } catch (error) {
    if (error instanceof TaskRefused) return recordRefusal(context, task, keys, error.outcome);
    if (sqlstateOf(error) === sqlstate.lockNotAvailable)
      throw new AppError('busy', 503, recordsHeld);
    throw error;
  }

  function countDone(): void {
    if (done) context.meters.chunk(done.outcome, performance.now() - done.startedAt);
  }

  async function inTransaction(
    client: Queryable,
    tx: Client | null,
    lockMs: number,
  ): Promise<Launched> {
    const { db, settings } = context;
    const { resource } = task;
    const startedAt = performance.now();
    await client.query(
      `set local lock_timeout = ${lockMs}; set local statement_timeout = ${settings.statementTimeoutMs}`,
    );
    await lockBulkTurn(client, context, task);
    const withThem = tx ? await askDescendants(context, resource, keys, tx) : [];
    const models = [resource.model.name, ...withThem.map(({ model }) => model)];
    await lockModels(client, db.t, [...new Set(models)]);
    const room = await askBulkTurn(client, context, task);
    if ('answer' in room) return room.answer;
    const [before] = room.startOver ? [...room.behind, ...room.replaced] : room.behind;
    if (before) throw new GoesBehind(before);
    await admit(task);
    const inserted = await insertTask(client, db, task, { backend: 'inline', state: 'running' });
    if (!inserted.isNew) return earlierTask(inserted.task, task.operationId);
    await makeRoom(client, context, room);
    const { id } = inserted.task;
    await client.query(
      `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key)
       values ($1, 0, 'draft', $2, $3, $4)`,
      [id, keys, keys[0], keys.at(-1)],
    );
    await client.query(`update ${db.t.task} set total = $2, chunk_count = 1 where id = $1`, [
      id,
      keys.length,
    ]);
    if (withThem.length > 0) await keepDescendants(client, db.t, id, withThem);
    const holders = await activate(client, db.t, {
      id,
      model: resource.model.name,
      overlap: task.options.overlap,
      locksOffReason: resource.locksOffReason,
      hasDescendants: withThem.length > 0,
    });
    const free = await readChunk(client, db.t, id);
    if (holders.length > 0 || free.length === 0)
      throw new AppError('overlap', 409, overlapMessage(holders), { holders });
    const target = {
      resource,
      t: db.t,
      serverVersion: db.version,
      rewriting: await findRewriting(client, resource.model),
      author: {
        taskId: id,
        chunk: 0,
        principalId: task.principal.id,
        principalName: task.principal.name,
        changeReason: task.options.changeReason,
      },
      log: context.log,
      through: tx && {
        tx,
        principal: task.principal,
        calls: writeCalls(context, {
          tx,
          principal: task.principal,
          resource: resource.slug,
          task: inserted.task,
          lease: null,
        }),
        log: context.log,
      },
    };
    await assertStayApart(
      client,
      { isInTransaction: true },
      resource.model,
      editsOf(resource, task),
      () => rowsOf(resource.model, free),
    );
    const operation = await readyOperation(context, {
      ...task,
      client,
      snapshot: task.options.skipChanged ? task.snapshot : null,
    });
    const altered = await operation.watch?.(client, target, free, task.parameters);
    const outcome = await applyIsolated(client, operation, target, free, task.parameters);
    if (outcome.failed + outcome.keptBack > 0) throw new TaskRefused(outcome);
    const alterations = (await altered?.()) ?? [];
    const durationMs = performance.now() - startedAt;
    await finishChunk(client, db.t, {
      taskId: id,
      number: 0,
      added: 0,
      outcome,
      alterations,
      durationMs,
      lease: null,
      stopRatio: 1,
    });
    const { rows } = await client.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [id]);
    done = { outcome, startedAt };
    return { task: rows[0] as TaskRow, outcome: 'inline' };
  }
}

/** What is left of the only chunk once held records were left out. */
async function readChunk(client: Queryable, t: TableNames, taskId: number): Promise<string[]> {
  const { rows } = await client.query<{ keys: string[] }>(
    `select keys from ${t.chunk} where task_id = $1`,
    [taskId],
  );
  return rows[0]?.keys ?? [];
}

/** Writes the refused task down: failed, 0 changed, every refused record named. */
async function recordRefusal(
  context: TaskContext,
  task: NewTask,
  keys: readonly string[],
  outcome: ChunkOutcome,
): Promise<never> {
  const { db } = context;
  const { failed, keptBack } = outcome;
  const message = `${(failed + keptBack).toLocaleString('en')} of ${keys.length.toLocaleString('en')} records were refused, so nothing was changed.`;
  const taskId = await transaction(db.pages, async (client) => {
    const inserted = await insertTask(client, db, task, { backend: 'inline', state: 'failed' });
    if (!inserted.isNew) return inserted.task.id;
    const { id } = inserted.task;
    await client.query(
      `update ${db.t.task} set total = $2, failed = $3, kept_back = $5, done = $3::int + $5::int, reason = 'records-refused', message = $4,
         started_at = now(), finished_at = clock_timestamp() where id = $1`,
      [id, keys.length, failed, message, keptBack],
    );
    await keepFailures(client, db.t, id, 0, outcome);
    return id;
  });
  const failures = outcome.refusals.flatMap(({ code, message: why, keys: refused }) =>
    refused.map((key) => ({ key, code, message: why })),
  );
  throw new AppError('refused', 422, message, { taskId, failures });
}
