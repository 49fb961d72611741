import type { Principal } from '../../auth/principal.ts';
import { offeredTo } from '../../operations/operations.ts';
import type { Resource } from '../../resources/contract.ts';

/** Something may be done to records that are selected. */
export function canSelect(resource: Resource, principal: Principal): boolean {
  return offeredTo(resource, principal).length > 0;
}
