import { consequences } from '../../operations/cascade/consequences.ts';
import { journal } from '../../operations/journal-kind.ts';
import type { Where } from '../../resources/client.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { type ConsequencesData, consequencesData, putAwayData } from '../records/consequences.ts';
import type { Url } from '../url.ts';
import type { BulkRequest } from './bulk.ts';

/** What an operation that deletes would do to others, and whether it can be undone. */
export async function bulkConsequences(
  { db, registry, settings }: TaskContext,
  { resource, principal, operation }: Pick<BulkRequest, 'resource' | 'principal' | 'operation'>,
  where: Where,
  url: Url,
): Promise<ConsequencesData> {
  const isUndoable = operation.isUndoable !== false;
  const days = settings.undoRetentionDays;
  if (operation.writes !== journal.deleted) return putAwayData(isUndoable ? days : null);
  const found = await consequences(db, registry, resource, principal, where);
  const undoer = { principal, days, action: 'bulk-delete' } as const;
  return consequencesData(registry, resource, found, url, isUndoable ? undoer : null);
}
