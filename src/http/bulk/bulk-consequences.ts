import { consequences } from '../../operations/cascade/consequences.ts';
import type { Where } from '../../resources/client.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { type ConsequencesData, consequencesData } from '../records/consequences.ts';
import type { Url } from '../url.ts';
import type { BulkRequest } from './bulk.ts';

/** What an operation that deletes would do to others, and whether it can be undone. */
export async function bulkConsequences(
  { db, registry, settings }: TaskContext,
  { resource, principal, operation }: Pick<BulkRequest, 'resource' | 'principal' | 'operation'>,
  where: Where,
  url: Url,
): Promise<ConsequencesData> {
  const found = await consequences(db, registry, resource, principal, where);
  const days = settings.undoRetentionDays;
  const undoer = { principal, days, action: 'bulk-delete' } as const;
  const isUndoable = operation.isUndoable !== false;
  return consequencesData(registry, resource, found, url, isUndoable ? undoer : null);
}
