import { randomUUID } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/database.ts';
import type { Queryable } from '../db/transaction.ts';
import type { DeleteParameters } from '../operations/delete.ts';
import type { Resource } from '../resources/contract.ts';
import { insertTask } from './insert-task.ts';
import { defaultRunOptions } from './run-options.ts';

/**
 * Writes the task that a record's own delete page is: done when its transaction commits, and undone as any other. Returns
 * its id, and the number of its one chunk.
 */
export async function insertFormDelete(
  client: Queryable,
  db: Database,
  { resource, principal }: { resource: Resource; principal: Principal },
  key: string,
): Promise<{ taskId: number; chunk: number }> {
  const operationId = randomUUID();
  const parameters: DeleteParameters = { isForm: true };
  const { task } = await insertTask(
    client,
    db,
    {
      operationId,
      taskKey: operationId,
      resource,
      operation: 'delete',
      title: `Delete ${resource.singular.toLowerCase()}`,
      principal,
      parameters,
      selection: { kind: 'ticked', filter: '', keys: [key] },
      expected: 1,
      isAtomic: true,
      options: defaultRunOptions,
      snapshot: null,
    },
    { backend: 'inline', state: 'succeeded' },
  );
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
