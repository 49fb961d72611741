import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import { countCascade, type PlannedWrite } from '../operations/count-cascade.ts';
import { inlineName } from '../queue/backend.ts';
import type { Resource } from '../resources/contract.ts';
import type { BulkSelection } from '../resources/options.ts';
import { backendOfBulk } from './choose-backend.ts';
import type { TaskContext } from './context.ts';

/**
 * Is this done within the request, all or nothing? Throws 422 for more than a request can do where
 * nothing else is allowed.
 */
export function runsInline(
  resource: Resource,
  selection: BulkSelection,
  { principal, backend }: { principal: Principal; backend: string },
): boolean {
  const hasBackground = backend !== inlineName;
  if (hasBackground && resource.runsInBackground(selection, principal)) return false;
  if (selection.count + selection.cascadeCount <= limits.bulk.inline) return true;
  if (hasBackground) return false;
  throw new AppError(
    'too-many-records',
    422,
    limitTexts.inline(resource.label, selection.count <= limits.bulk.inline),
  );
}

/**
 * What is written along with the records, no further than it decides whether they run within the
 * request.
 */
export async function countCascadeInline(
  context: TaskContext,
  resource: Resource,
  principal: Principal,
  writing: PlannedWrite & Pick<BulkSelection, 'kind'>,
): Promise<number> {
  const { db, registry } = context;
  const { count, kind, operation } = writing;
  const isInline = backendOfBulk(context, { resource, operation, principal, count }) === inlineName;
  const max = isInline ? limits.bulk.inline : resource.maxInline;
  const selection = { count, cascadeCount: 0, kind, operation };
  if (count > max || (!isInline && resource.runsInBackground(selection, principal))) return 0;
  return countCascade(db, registry, resource, writing, max + 1 - count);
}
