import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { type Action, actions } from './actions.ts';
import type { Resource } from './contract.ts';

const everything: readonly Action[] = actions;

const byRole: Readonly<Record<string, readonly Action[]>> = {
  viewer: ['list'],
  editor: ['list', 'create', 'update', 'bulk-update'],
  admin: everything,
};

/** What the three roles of the box may do. A role that is not known grants nothing. */
export function defaultPermissions(principal: Principal): readonly Action[] {
  return everything.filter((action) =>
    principal.roles.some((role) => byRole[role]?.includes(action)),
  );
}

export function can(resource: Resource, principal: Principal, action: Action): boolean {
  return resource.permissions(principal).includes(action);
}

/** No row scope narrows what they see; one that cannot be read shows nothing. */
export function seesEveryRow(resource: Pick<Resource, 'scope'>, principal: Principal): boolean {
  try {
    return resource.scope(principal) === null;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

export function assertCan(resource: Resource, principal: Principal, action: Action): void {
  if (!can(resource, principal, action)) {
    throw new AppError(
      'forbidden',
      403,
      `You may not do this with ${resource.label.toLowerCase()}.`,
      { action },
    );
  }
}
