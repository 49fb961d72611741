import type { Principal } from '../../auth/principal.ts';
import type { Resource } from '../../resources/contract.ts';
import { canSelect } from '../controls/can-select.ts';
import type { Url } from '../url.ts';

/**
 * A form that selects records of a task in their list, or where nothing can be selected a link that
 * shows them there.
 */
export interface InList {
  action: string;
  /** The list's query, as its own form carries it. */
  listQuery: string;
  label: string;
  /** Null: they can be selected. */
  href: string | null;
}

/** Where the records of a task are selected in their list; null: no list has them. */
export function inList(
  { resource, principal, url }: { resource: Resource | null; principal: Principal; url: Url },
  filter: string,
  labels: { select: string; list: string },
): InList | null {
  if (!resource || resource.model.idFields.length === 0) return null;
  const isSelected = canSelect(resource, principal);
  return {
    action: url(`/${resource.slug}/selection`),
    listQuery: filter,
    label: isSelected ? labels.select : labels.list,
    href: isSelected ? null : url(`/${resource.slug}?${filter}`),
  };
}
