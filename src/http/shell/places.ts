import type { Principal } from '../../auth/principal.ts';
import type { OwnPages } from '../../pages/own-pages.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { resourceIcon } from './resource-icon.ts';

/** Where somebody can go: the list of a resource, a page of the project's own. */
export interface NavPlace {
  label: string;
  path: string;
  icon: string;
  /** Heading in the navigation; null: it names none. */
  group: string | null;
}

/** Resources, then pages, as the project has ordered them. */
export function placesFor(
  principal: Principal,
  registry: ResourceRegistry,
  pages: OwnPages,
): NavPlace[] {
  return [
    ...registry.listFor(principal).map((resource) => ({
      label: resource.label,
      path: `/${resource.slug}`,
      icon: resourceIcon(resource),
      group: resource.group,
    })),
    ...pages.listedFor(principal).map(({ options: { label, path, icon, group } }) => ({
      label,
      path,
      icon: icon ?? 'file-text',
      group: group ?? null,
    })),
  ];
}
