import type { Principal } from 'bulkhead';

/** The company that somebody works for, as their claims say: `{ "tenant": 1 }`. */
function tenantOf({ claims }: Principal): number | null {
  return typeof claims?.tenant === 'number' ? claims.tenant : null;
}

/** Rows of one's own company; of none for who has none, of all for administrators. */
export function ofTenant(principal: Principal): { tenantId?: number } {
  const tenant = tenantOf(principal);
  if (tenant !== null) return { tenantId: tenant };
  return principal.roles.includes('admin') ? {} : { tenantId: 0 };
}

/** The company that a new record is of; an administrator of all adds to the first. */
export const tenantFor = (principal: Principal) => tenantOf(principal) ?? 1;

export const sells = ({ roles }: Principal) => roles.includes('editor') || roles.includes('admin');
