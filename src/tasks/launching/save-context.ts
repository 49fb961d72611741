import { writeEntry } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import type { SaveContext } from '../../operations/save-record.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import { assertFree } from '../looking/assert-free.ts';
import { holdersOf } from '../looking/holders.ts';
import { namedKey } from '../named-key.ts';
import { writeCalls } from '../running/write-calls.ts';
import { insertFormDelete } from './form-delete.ts';

/**
 * What a form's save has to know of tasks: who holds the record, and the task that a delete by form
 * is.
 */
export function saveContextOf(
  context: TaskContext,
  resource: Resource,
  principal: Principal,
): SaveContext {
  const { db, registry, log } = context;
  return {
    registry,
    t: db.t,
    resource,
    principal,
    assertFree: (client, key) => assertFree(client, db.t, resource, key),
    keepAsTask: (client, key) => insertFormDelete(client, db, { resource, principal }, key),
    keepEntry: (client, { record, ...entry }) =>
      writeEntry(client, db, {
        ...entry,
        by: principal,
        resource: resource.slug,
        record: namedKey(resource, record),
      }),
    holdersOf: holdersOf(db.t),
    callsIn: (tx) =>
      writeCalls(context, { tx, principal, resource: resource.slug, task: null, lease: null }),
    log,
  };
}
