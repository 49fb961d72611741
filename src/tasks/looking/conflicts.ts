import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { keyCondition } from '../../metadata/key-sql.ts';
import type { Resource } from '../../resources/contract.ts';
import { type GivenKey, keysGiven } from '../../selection/given-keys.ts';
import type { TaskContext } from '../context.ts';
import { assertReadCommitted } from '../read-committed.ts';
import { heldMessage } from './assert-free.ts';
import { type Holder, listHolders } from './holders.ts';

/** Records of a resource (its slug). */
export interface RecordsOf {
  readonly resource: string;
  readonly keys: readonly GivenKey[];
}

/** A record that a task holds. */
export interface Conflict {
  readonly resource: string;
  readonly key: string;
  readonly holder: Holder;
}

type Asking = Pick<TaskContext, 'db' | 'registry'>;

/** Which of these records tasks hold at this moment; one statement for each resource. */
export async function listConflicts(
  context: Asking,
  records: readonly RecordsOf[],
): Promise<Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const { resource: slug, keys } of records) {
    const resource = context.registry.get(slug);
    conflicts.push(...(await conflictsOf(context.db, resource, keysGiven(resource, keys))));
  }
  return conflicts;
}

async function conflictsOf(
  { t, pages }: Pick<Asking['db'], 't'> & { pages: Queryable },
  { slug, model, locksOffReason }: Resource,
  keys: readonly string[],
  free: readonly number[] = [],
): Promise<Conflict[]> {
  if (locksOffReason !== null) return [];
  const holders = await listHolders({ pages, t }, model.name, keys, free);
  return [...holders].map(([key, holder]) => ({ resource: slug, key, holder }));
}

/**
 * Within a transaction that is going to write these records: waits for who writes them, then asks
 * in a statement of its own who holds them. Until it ends no task comes to hold them unseen:
 * whoever locks them meanwhile waits for these rows.
 *
 * Throws AppError 'locked' (423, with the holder), 'wrong-isolation' (422).
 */
export async function assertAllFree(
  { db: { t }, registry }: Asking,
  client: Queryable,
  records: RecordsOf,
  free: readonly number[] = [],
): Promise<void> {
  const resource = registry.get(records.resource);
  const { model } = resource;
  const keys = keysGiven(resource, records.keys);
  if (keys.length === 0) return;
  await assertReadCommitted(client, 'whether records are free is asked');
  await query(
    client,
    sql`select 1 from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} for no key update`,
  );
  const [conflict] = await conflictsOf({ t, pages: client }, resource, keys, free);
  if (conflict)
    throw new AppError('locked', 423, heldMessage(conflict.holder), { holder: conflict.holder });
}
