import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { Operation } from '../../operations/contract.ts';
import { getOperation } from '../../operations/operations.ts';
import { sincePreview } from '../../operations/since-preview.ts';
import { withinScope } from '../../operations/within-scope.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import { holdersOf } from '../looking/holders.ts';

export interface Readied {
  client: Queryable;
  operation: string;
  parameters: unknown;
  resource: Resource;
  principal: Principal;
  /** Leave alone what was written since; null: whatever was. */
  snapshot: string | null;
}

/**
 * An operation that knows what it needs of the database, held to the principal's row scope and to
 * what was previewed.
 */
export async function readyOperation(
  { db, registry }: TaskContext,
  { client, principal, resource, ...asked }: Readied,
): Promise<Operation> {
  const operation = getOperation(resource, asked.operation);
  const prepared = await operation.prepared?.(
    { client, registry, resource, holdersOf: holdersOf(db.t) },
    asked.parameters,
  );
  return withinScope(
    sincePreview(prepared ?? operation, asked.snapshot),
    registry,
    resource,
    principal,
  );
}
