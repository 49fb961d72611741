import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { sortKeys } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { getSelection } from '../../selection/selection.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { digestOf, maxTried } from '../previewing/look-ahead.ts';
import { findPreview, type Preview, previewed } from '../previewing/preview.ts';
import { readSelectedKeys } from '../previewing/read-selected-keys.ts';
import type { RunOptions } from '../run-options.ts';
import { findSame, sameness } from './bulk-unique.ts';
import { frozenForm, launch } from './launch.ts';

export interface Confirmation {
  resource: Resource;
  principal: Principal;
  previewId: string;
  options: RunOptions;
}

/**
 * Launches what a preview showed. Where every record was tried they are compared once more: throws
 * AppError 'preview-stale' 409 when others match now, or somebody changed the values that were
 * shown. Else throws as `launch` does.
 */
export async function confirmPreview(
  context: TaskContext,
  { resource, principal, previewId, options }: Confirmation,
): Promise<Launched> {
  const preview = await findPreview(context, resource, principal, previewId);
  if (!preview?.findings)
    throw new AppError(
      'preview-gone',
      409,
      'This preview is no longer there. Make it again from your selection.',
    );
  const isSent = async () =>
    (await findTaskByOperation(context.db, principal, preview.id)) !== null;
  if (!(await isSent())) {
    const asked = { resource, principal, preview };
    try {
      await assertFresh(context, { ...asked, options });
    } catch (error) {
      // A second click must not compare again: the first one has changed the values.
      if (!(await isSent())) {
        const same = await findSamePreviewed(context, asked);
        if (same) return same;
        throw error;
      }
    }
  }
  return launch(context, {
    resource,
    principal,
    operationId: preview.id,
    operation: preview.operation,
    options,
  });
}

type Previewed = Pick<Confirmation, 'resource' | 'principal'> & { preview: Preview };

/** What is under way and just this may have changed the values itself. */
async function findSamePreviewed(
  context: TaskContext,
  { resource, principal, preview }: Previewed,
): Promise<Launched | null> {
  const whole = await getSelection(context.db, principal, resource, preview.selectionId);
  const { operation, parameters } = preview;
  const selection = frozenForm(previewed(whole, preview));
  const unique = sameness(context, { resource, principal, operation, parameters, selection });
  return findSame(context, { operation, operationId: preview.id, principal, unique });
}

async function assertFresh(
  context: TaskContext,
  { resource, principal, preview, options }: Previewed & Pick<Confirmation, 'options'>,
): Promise<void> {
  const digest = preview.findings?.digest ?? null;
  const selection = await getSelection(context.db, principal, resource, preview.selectionId);
  // Another version of the selection is told by the launch, with both counts.
  if (digest === null || selection.version !== preview.selectionVersion) return;
  const selected = previewed(selection, preview);
  const keys = await readSelectedKeys(
    context,
    { resource, principal, selected },
    { after: null, limit: maxTried + 1 },
  );
  if (keys.length !== preview.recordCount) {
    const [from, to] = [preview.recordCount, keys.length].map((count) =>
      count.toLocaleString('en'),
    );
    throw stale(`${from} records were previewed, but ${to} match now.`);
  }
  if (
    !options.skipChanged &&
    (await digestOf(context, { resource, principal, preview }, sortKeys(keys))) !== digest
  ) {
    throw stale('Somebody changed some of these records since the preview.');
  }
}

function stale(what: string): AppError {
  return new AppError(
    'preview-stale',
    409,
    `${what} Nothing was changed. This is how it would be now.`,
  );
}
