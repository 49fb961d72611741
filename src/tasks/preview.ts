import { AppError } from '../errors.ts';
import type { Principal } from '../auth/principal.ts';
import { getOperation } from '../operations/register.ts';
import type { OperationKind } from '../operations/contract.ts';
import { assertCan } from '../resources/permissions.ts';
import type { Resource } from '../resources/contract.ts';
import { countSelection, getSelection } from '../selection/selection.ts';
import type { TaskContext } from './context.ts';

export interface Preview {
  /** The form's one-time operation id. */
  id: string;
  recordCount: number;
  selectionVersion: number;
  /** Below the threshold: done at once, all or nothing. */
  runsInline: boolean;
}

/** What the dialog shows and the confirmation binds to. */
export async function createPreview(
  { db, register }: TaskContext,
  {
    resource,
    principal,
    operation,
    selectionId,
  }: { resource: Resource; principal: Principal; operation: OperationKind; selectionId: string },
): Promise<Preview> {
  assertCan(resource, principal, getOperation(operation).action);
  const selection = await getSelection(db, principal, resource, selectionId);
  const recordCount = await countSelection(register.client, resource, principal, selection);
  if (recordCount === 0) throw new AppError('empty-selection', 422, 'Nothing is selected.');
  const { rows } = await db.pages.query<{ id: string }>(
    `insert into ${db.t.preview} (id, owner_id, resource, operation, selection_id, selection_version, record_count)
     values (gen_random_uuid(), $1, $2, $3, $4, $5, $6) returning id`,
    [principal.id, resource.slug, operation, selection.id, selection.version, recordCount],
  );
  return {
    id: rows[0]?.id as string,
    recordCount,
    selectionVersion: selection.version,
    runsInline: recordCount < resource.minAsyncRecords,
  };
}
