import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/contract.ts';
import type { BulkSelection } from '../resources/options.ts';
import { limits, limitTexts } from '../limits.ts';

/** Is this done within the request, all or nothing? Throws 422 for more than a request can do where nothing else is allowed. */
export function runsInline(resource: Resource, selection: BulkSelection, principal: Principal): boolean {
  if (resource.runsInBackground(selection, principal)) return false;
  if (selection.count <= limits.bulk.inline) return true;
  if (resource.hasBackground) return false;
  throw new AppError('too-many-records', 422, limitTexts.inline(resource.label));
}
