import { AppError } from '../errors.ts';
import type { Principal } from './principal.ts';

const idStart = 'system:';

/**
 * The system itself, by the name of what acts: a script, a schedule. It is asked no permission and
 * has no row scope. Nobody signs in as it.
 *
 * @param name letters, digits, `.`, `_` and `-`, at most 60; history says `system: nightly`
 * @throws Error where the name is another one
 *
 * @example
 * const nightly = systemPrincipal('nightly');
 */
export function systemPrincipal(name: string): Principal {
  if (!/^[\w.-]{1,60}$/.test(name))
    throw new Error(
      `systemPrincipal: "${name}" is no name; it may have up to 60 letters, digits, dots, hyphens and underscores`,
    );
  return Object.freeze({ id: `${idStart}${name}`, name: `system: ${name}`, roles: [] });
}

/** Whoever it is came from code of the project's: `personOf` lets none in from outside. */
export function isSystem({ id }: Pick<Principal, 'id'>): boolean {
  return id.startsWith(idStart);
}

/**
 * Somebody who signs in, or nobody. Throws AppError 403 'system-principal' where it would be the
 * system.
 */
export function personOf(principal: Principal | null): Principal | null {
  if (principal && isSystem(principal))
    throw new AppError('system-principal', 403, 'Nobody signs in as the system itself.');
  return principal;
}

/** Would pages call a person of this name as they call the system? */
export function looksLikeSystem(name: string): boolean {
  return name
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Z}]/gu, '')
    .toLowerCase()
    .startsWith(idStart);
}
