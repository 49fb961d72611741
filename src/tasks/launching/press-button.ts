import type { Principal } from '../../auth/principal.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import type { Queryable } from '../../db/transaction.ts';
import { inTurn } from '../../db/turns.ts';
import { AppError, notFound } from '../../errors.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { readRows } from '../../operations/journal/row-values.ts';
import { formValues, parseForm } from '../../operations/own/form-values.ts';
import { clientTransaction } from '../../operations/rules/client-transaction.ts';
import { updateRecord } from '../../operations/save-record.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import { readRecord } from '../../selection/record.ts';
import type { Pressed, PressedOn } from '../../task-definitions/launch-button.ts';
import { valuesToSet } from '../../task-definitions/launch-button-problems.ts';
import { backendOfOwn } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import { earlierTask, type Launched, recordsHeld } from '../launched.ts';
import { launchOwn } from '../own/launch-own.ts';
import { asShown } from './as-shown.ts';
import { launchAndRun } from './launch-and-run.ts';
import type { PressedButton } from './launch-buttons.ts';
import { assertQueueRoom } from './queue-room.ts';
import { saveContextOf } from './save-context.ts';

export interface Press {
  principal: Principal;
  /** What was typed into its form. */
  body: Record<string, unknown>;
  /** The one-time id of the form: pressed twice, it is one task. A UUID. */
  operationId: string;
}

/** Would it run within the request that launches it? */
export function runsAtOnce(
  context: TaskContext,
  { definition, resource }: PressedButton,
  principal: Principal,
): boolean {
  const from = { principal, resource: resource?.slug ?? null };
  return backendOfOwn(context, definition, from) === inlineName;
}

/**
 * Launches a task by its button: from the record and the form, about the record, which is given
 * what the button sets in the same transaction.
 *
 * Throws AppError 'invalid-operation' and 'invalid-params' (422, details.fieldErrors), 'not-found'
 * (404), 'locked' (423) where a task holds a record that is to be set, 'duplicate' (409) where the
 * same is under way and not this person's to see, and as `launchOwn`.
 */
export async function pressButton(
  context: TaskContext,
  pressed: PressedButton,
  { principal, body, operationId }: Press,
): Promise<Launched> {
  const { db, registry, settings } = context;
  const { definition, inputs, reader, resource, key } = pressed;
  const texts = parseForm(inputs, { reader }, body);
  const form = formValues(inputs, { reader }, texts);
  if (resource && key !== null) await readRecord(registry, resource, principal, key, []);
  const earlier = await findTaskByOperation(db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  try {
    const from = resource?.slug ?? null;
    return await launchAndRun(context, definition, { principal, from }, (backend) =>
      inTurn(db.pages, (lockMs) =>
        clientTransaction(
          registry,
          db.pages,
          { timeoutMs: settings.statementTimeoutMs },
          async (sql, tx) => {
            await sql.query(`select set_config('lock_timeout', '${lockMs}', true)`);
            return launch(sql, tx, backend);
          },
        ),
      ),
    );
  } catch (error) {
    if (sqlstateOf(error) !== sqlstate.lockNotAvailable) throw error;
    throw new AppError('busy', 503, recordsHeld);
  }

  async function launch(sql: Queryable, tx: Client, backend: string): Promise<Launched> {
    const params = paramsOf({ form, principal, ...(await recordOf(sql)) });
    await assertQueueRoom(sql, context, principal);
    const task = await launchOwn(
      context,
      definition,
      params,
      {
        principal,
        operationId,
        from: resource?.slug ?? null,
        isFromPage: true,
        isRunAfter: true,
        backend,
      },
      sql,
    );
    if (task.operationId !== operationId)
      return asShown(context, principal, earlierTask(task, operationId));
    if (!resource || key === null) return { task, outcome: 'queued' };
    if (!(await isAbout(sql, task.id, resource, key))) return { task, outcome: 'already' };
    await setValues(tx);
    return { task, outcome: 'queued' };
  }

  async function recordOf(sql: Queryable): Promise<Pick<PressedOn, 'key' | 'record'> | null> {
    if (!resource || key === null) return null;
    const [row] = await readRows(sql, resource.model, [key]);
    if (!row) throw notFound();
    return { key: keyToUrl(resource.model, key), record: row.record };
  }

  function paramsOf(from: Pressed & Partial<PressedOn>): unknown {
    const { button, label } = pressed;
    if (!button.params)
      return Object.fromEntries(
        Object.entries(form).map(([name, value]) => [
          name,
          value instanceof Date ? texts[name] : value,
        ]),
      );
    try {
      return button.params(from as PressedOn);
    } catch (error) {
      if (error instanceof AppError) throw error;
      context.log('error', 'the parameters of a task cannot be made', {
        name: definition.name,
        error,
      });
      const message = `The params rule of “${label}” failed. The log has the details. Nothing was started.`;
      throw new AppError('invalid-operation', 422, message, { fieldErrors: {} });
    }
  }

  /** Of two presses of one form one alone says so. */
  async function isAbout(
    sql: Queryable,
    taskId: number,
    { model }: Resource,
    record: string,
  ): Promise<boolean> {
    const { rows } = await sql.query(
      `insert into ${db.t.task_about} (task_id, model, key) values ($1, $2, $3) on conflict do nothing returning 1`,
      [taskId, model.name, record],
    );
    return rows.length === 1;
  }

  async function setValues(tx: Client): Promise<void> {
    const { button } = pressed;
    if (!resource || key === null || !('set' in button) || !button.set) return;
    const { values } = valuesToSet(registry.get(resource.slug), button.set);
    const saving = { ...saveContextOf(context, resource, principal), within: tx };
    await updateRecord(saving, key, () => values);
  }
}
