import { createHash } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { DatabaseError } from '../../db/database-error.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { AppError } from '../../errors.ts';
import { parseKey } from '../../metadata/keys.ts';
import { queryableOf } from '../../operations/rules/client-transaction.ts';
import { inOrder } from '../../plain-json.ts';
import type { Client } from '../../resources/client.ts';
import type { WriteCalls } from '../../resources/write-calls.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { assertAllFree } from '../looking/conflicts.ts';
import { launchOwn } from '../own/launch-own.ts';
import type { TaskRow } from '../task-row.ts';
import type { Lease } from './lease.ts';
import { lockRecords } from './lock-records.ts';

/** What is being written. */
export interface Writer {
  tx: Client;
  principal: Principal;
  /** Slug of the resource whose record it is. */
  resource: string;
  /** Null: a form writes. */
  task: Pick<TaskRow, 'id' | 'kind' | 'parentId' | 'locksOffReason'> | null;
  /** What the task works by; null: the write is all that there is of it. */
  lease: Lease | null;
}

/** What hooks may do with other records and tasks, within one write. */
export function writeCalls(
  context: TaskContext,
  { tx, principal, resource, task, lease }: Writer,
): WriteCalls {
  const sql = queryableOf(tx);
  return {
    async lock(slug, ids) {
      // Nobody but this transaction could let go of what was held for it.
      if (!task || !lease)
        return assertAllFree(context, sql, { resource: slug, keys: ids }, task ? [task.id] : []);
      const { model } = context.registry.get(slug);
      const keys = ids.map((id) => parseKey(model, String(id)));
      // On a connection that no write of hooks ever takes: this one has one already.
      const locking = { pool: context.db.background, t: context.db.t, task, lease };
      await lockRecords(locking, model, keys, sql).catch(asPassing);
    },
    async launch(definition, params, { inTask = 'own' } = {}) {
      if (task && inTask === 'refuse')
        throw new AppError(
          'in-task',
          409,
          `“${definition.name}” is not launched by what a task writes.`,
        );
      const parentId = task && inTask === 'child' ? task.id : null;
      const operationId = task?.kind === 'own' ? sameAgain(task.id, definition.name, params) : null;
      const launching = { principal, from: resource, parentId, operationId };
      const launched = definition as unknown as TaskDefinition;
      const { id } = await launchOwn(context, launched, params, launching, sql);
      return { id };
    },
  };
}

/** A run that begins anew writes again, and so launches the same. */
function sameAgain(taskId: number, name: string, params: unknown): string {
  const said = JSON.stringify([taskId, name, params], inOrder);
  const hash = createHash('sha256').update(said).digest('hex');
  return hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** A chunk is tried again, where a refusal would be the record's. */
function asPassing(error: unknown): never {
  if (!(error instanceof AppError && error.code === 'busy')) throw error;
  const nothing = { constraint: null, column: null };
  throw new DatabaseError(sqlstate.lockNotAvailable, error.message, nothing, error);
}
