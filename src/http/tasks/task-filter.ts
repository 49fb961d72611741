import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { describeItem } from '../../selection/describe-filter.ts';
import { type Group, isOwnPath, parseFilterText } from '../../selection/filter.ts';
import { findFilterField } from '../../selection/filter-fields.ts';
import { conditionsOf, filterTitles } from '../../selection/filter-titles.ts';
import type { TaskRow } from '../../tasks/task-row.ts';

/** Null: there is no such resource any more, or it is not this principal's to see. */
export function findResource(
  registry: ResourceRegistry,
  principal: Principal,
  task: Pick<TaskRow, 'resource'>,
): Resource | null {
  if (task.resource === null) return null;
  try {
    return registry.for(principal, task.resource);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** The filter of a task's selection, as its reader may know it. */
export interface ShownFilter {
  /** For the list's URL; empty where there is nothing to filter by, or nothing that may be told. */
  text: string;
  /** Empty where there is no filter; null: it names what its reader may not see. */
  words: string | null;
}

/** One statement for each relation that the filter names. */
export async function filterInWords(
  registry: ResourceRegistry,
  resource: Resource | null,
  principal: Principal,
  task: TaskRow,
): Promise<ShownFilter> {
  const text = task.selection?.filter ?? '';
  if (text === '') return { text, words: '' };
  const hidden = { text: '', words: null };
  const filter = resource && readFilter(text);
  if (!filter) return hidden;
  const visible = visibleFilter(resource, principal, text);
  if (visible) {
    const titleOf = await filterTitles(registry, resource, principal, visible);
    return {
      text,
      words: describeItem(visible, {
        fieldOf: (path) => findFilterField(resource, principal, path),
        titleOf,
        reader: resource.reader,
      }),
    };
  }
  // A field that the project no longer has: who typed its name may read it again.
  const whole = registry.get(resource.slug);
  const isOwn = task.principalId === principal.id;
  const isUnseen = (path: string) =>
    !isVisible(resource, principal, path) && isVisible(whole, principal, path);
  if (!isOwn || conditionsOf(filter).some(({ path }) => isUnseen(path))) return hidden;
  return {
    text: '',
    words: [...new URLSearchParams(text)].map(([name, value]) => `${name} = ${value}`).join(', '),
  };
}

/** Null: it names what its reader may not see, or what is no more. */
export function visibleFilter(
  resource: Resource,
  principal: Principal,
  text: string,
): Group | null {
  const filter = readFilter(text);
  return filter && conditionsOf(filter).every(({ path }) => isVisible(resource, principal, path))
    ? filter
    : null;
}

function isVisible(resource: Resource, principal: Principal, path: string): boolean {
  return isOwnPath(path) || findFilterField(resource, principal, path) !== null;
}

function readFilter(text: string): Group | null {
  try {
    return parseFilterText(text);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
