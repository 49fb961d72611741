import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { Parsed, ResourceField } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { parseKey, sortKeys } from '../../metadata/keys.ts';
import { givenText } from '../../operations/given-text.ts';
import { clientTransaction, queryableOf } from '../../operations/rules/client-transaction.ts';
import { type SaveContext, updateRecord } from '../../operations/save-record.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TransactionClient } from '../../resources/hooks.ts';
import { can } from '../../resources/permissions.ts';
import type { TaskRun } from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import { familyOf } from '../family.ts';
import { assertFree } from '../looking/assert-free.ts';
import { holdersOf } from '../looking/holders.ts';
import { holdLease, type Lease } from '../running/lease.ts';
import { inactive, personNow } from '../running/may-run.ts';
import { writeCalls } from '../running/write-calls.ts';
import type { OwnTask } from '../task-row.ts';
import { countWritten } from './own-writes.ts';
import { RunLost } from './steps.ts';

export interface Writing {
  context: TaskContext;
  pool: Pool;
  task: OwnTask;
  lease: Lease;
  assertGoesOn(): void;
}

/** The calls of a run that write. `within` calls a function in a transaction that is there. */
export interface WritingCalls extends Pick<TaskRun, 'tx' | 'change'> {
  within<T>(sql: Queryable, tx: Client, work: () => Promise<T>): Promise<T>;
}

/** A transaction of a run. */
interface Open {
  client: Client;
  /** Rows that changes of records wrote in it, where they are counted. */
  byChange: number;
}

export function writingCalls({ context, pool, task, lease, assertGoesOn }: Writing): WritingCalls {
  const { db, registry, settings, log } = context;
  const open = new AsyncLocalStorage<Open>();
  let wroteItself = task.wroteItself;
  return { tx, change, within };

  async function tx<T>(
    fn: (tx: TransactionClient) => Promise<T>,
    { timeoutMs = settings.statementTimeoutMs }: { timeoutMs?: number } = {},
  ): Promise<T> {
    assertGoesOn();
    const around = open.getStore();
    if (around) return fn(around.client as unknown as TransactionClient);
    return clientTransaction(registry, pool, { timeoutMs }, async (sql, client) => {
      const result = await within(sql, client, () => fn(client as unknown as TransactionClient));
      if (!(await holdLease(sql, db.t, lease))) throw new RunLost(task.id);
      return result;
    });
  }

  /** Keeps that a run wrote more than its changes did: no image takes that back. */
  async function within<T>(sql: Queryable, client: Client, work: () => Promise<T>): Promise<T> {
    const here: Open = { client, byChange: 0 };
    const before = wroteItself ? null : await countWritten(sql);
    const result = await open.run(here, work);
    if (wroteItself) return result;
    const after = await countWritten(sql);
    if (before !== null && after !== null && after - before <= here.byChange) return result;
    await sql.query(`update ${db.t.task} set wrote_itself = true where id = $1`, [task.id]);
    wroteItself = true;
    return result;
  }

  /** Whoever it runs for, as they are now. */
  async function person(): Promise<Principal> {
    const now = await personNow(context, task.principal);
    if (!now) throw new AppError('forbidden', 403, inactive(task).message);
    return now;
  }

  async function change(
    slug: string,
    ids: readonly (string | number)[],
    data: Readonly<Record<string, unknown>>,
  ): Promise<number> {
    assertGoesOn();
    const principal = await person();
    const resource = registry.for(principal, slug);
    if (!can(resource, principal, 'update'))
      throw new AppError('forbidden', 403, `${principal.name} may not change ${resource.label}.`);
    const values = valuesOf(resource, data);
    const timeoutMs = settings.statementTimeoutMs;
    const family = await familyOf(pool, db.t, task);
    const keys = sortKeys(ids.map((id) => parseKey(resource.model, String(id))));
    const around = open.getStore();
    if (!around)
      return clientTransaction(registry, pool, { timeoutMs }, async (sql, client) => {
        const changed = await changeAll(client);
        if (!(await holdLease(sql, db.t, lease))) throw new RunLost(task.id);
        return changed;
      });
    const sql = queryableOf(around.client);
    const before = await countWritten(sql);
    const changed = await changeAll(around.client);
    around.byChange += ((await countWritten(sql)) ?? 0) - (before ?? 0);
    return changed;

    async function changeAll(client: Client): Promise<number> {
      const saving: SaveContext = {
        registry,
        t: db.t,
        resource,
        principal,
        assertFree: (sql, key) => assertFree(sql, db.t, resource, key, family),
        keepAsTask: () => Promise.reject(new Error('a change deletes nothing')),
        keepEntry: async () => undefined,
        holdersOf: holdersOf(db.t),
        within: client,
        taskId: task.id,
        callsIn: (within) =>
          writeCalls(context, { tx: within, principal, resource: resource.slug, task, lease }),
        log,
      };
      let changed = 0;
      for (const key of keys) if (await updateRecord(saving, key, () => values)) changed++;
      return changed;
    }
  }
}

/** Values that code gives, as those of a form: by the names of fields. */
function valuesOf(
  { form, slug, reader }: Resource,
  data: Readonly<Record<string, unknown>>,
): Map<ResourceField, unknown> {
  const fieldErrors: Record<string, string> = {};
  const values = new Map<ResourceField, unknown>();
  for (const [name, given] of Object.entries(data)) {
    const field = form.find((one) => one.name === name && !one.isReadOnly);
    const parsed: Parsed = field
      ? parsedOf(field, given)
      : { error: `“${slug}” has no field “${name}” that can be changed.` };
    if ('error' in parsed) fieldErrors[name] = parsed.error;
    else if (field) values.set(field, parsed.value);
  }
  const [first] = Object.values(fieldErrors);
  if (first)
    throw new AppError('invalid-record', 422, `${first} Nothing was saved.`, { fieldErrors });
  return values;

  function parsedOf(field: ResourceField, given: unknown): Parsed {
    if (given === null && !field.meta.isRequired) return { value: null };
    const text = givenText(given, field, reader);
    return 'error' in text ? text : getFieldKind(field).parse(text.value, field, reader);
  }
}
