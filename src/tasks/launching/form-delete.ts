import { createHash, randomUUID } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { Queryable } from '../../db/transaction.ts';
import { limits } from '../../limits.ts';
import { whereKeys } from '../../metadata/keys.ts';
import { countCascade } from '../../operations/count-cascade.ts';
import type { DeleteParameters } from '../../operations/delete/delete.ts';
import { journal } from '../../operations/journal-kind.ts';
import { assertNoRule } from '../../operations/rules/rewrite-rules.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import { insertTask, type NewTask } from '../insert-task.ts';
import { assertFree } from '../looking/assert-free.ts';
import { defaultRunOptions } from '../run-options.ts';
import type { TaskRow } from '../task-row.ts';
import { enqueue } from './launch.ts';

interface Whose {
  resource: Resource;
  principal: Principal;
}

/** Does more go along with a record than a request can wait for? */
export async function isSlowDelete(
  { db, registry }: TaskContext,
  { resource }: Whose,
  key: string,
): Promise<boolean> {
  if (!resource.hasBackground || resource.hooks.delete) return false;
  const writing = {
    operation: 'delete',
    parameters: {},
    where: whereKeys(resource.model, [key]),
    count: 1,
  } as const;
  return (
    1 + (await countCascade(db, registry, resource, writing, limits.bulk.inline)) >
    limits.bulk.inline
  );
}

/**
 * The same delete as a task that a worker runs. Sent twice it is one. Throws AppError 423 where
 * somebody holds the record.
 */
export async function queueFormDelete(
  context: TaskContext,
  whose: Whose,
  key: string,
): Promise<TaskRow> {
  const { db } = context;
  const { model } = whose.resource;
  await assertNoRule(db.pages, model, [journal.deleted], { isSet: false });
  await assertFree(db.pages, db.t, whose.resource, key);
  const taskKey = createHash('sha256')
    .update(JSON.stringify([whose.principal.id, model.name, 'delete', key]))
    .digest('hex');
  return (await enqueue(context, { ...formDelete(whose, key), taskKey })).task;
}

function formDelete({ resource, principal }: Whose, key: string): NewTask {
  const operationId = randomUUID();
  const parameters: DeleteParameters = { isForm: true };
  return {
    operationId,
    taskKey: operationId,
    resource,
    operation: 'delete',
    title: resource.hooks.delete
      ? `Put ${resource.singular.toLowerCase()} away`
      : `Delete ${resource.singular.toLowerCase()}`,
    principal,
    parameters,
    selection: { kind: 'ticked', filter: '', keys: [key] },
    expected: 1,
    isAtomic: true,
    options: defaultRunOptions,
    meta: null,
    snapshot: null,
    entry: { act: 'record-deleted', record: key },
  };
}

/**
 * Writes the task that a record's own delete page is: done when its transaction commits, and undone
 * as any other. Returns its id, and the number of its one chunk.
 */
export async function insertFormDelete(
  client: Queryable,
  db: Database,
  whose: Whose,
  key: string,
): Promise<{ taskId: number; chunk: number }> {
  const { task } = await insertTask(client, db, formDelete(whose, key), {
    backend: 'inline',
    state: 'succeeded',
  });
  await client.query(
    `with part as (
       insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key, changed, finished_at)
       values ($1, 0, 'done', array[$2::text], $2, $2, 1, clock_timestamp())
     )
     update ${db.t.task} set total = 1, chunk_count = 1, chunks_done = 1, done = 1, changed = 1, started_at = now(), finished_at = clock_timestamp(),
       write_through = case when write_through like '%-with-rules' then 'client-with-rules' else 'client' end
     where id = $1`,
    [task.id, key],
  );
  return { taskId: task.id, chunk: 0 };
}
