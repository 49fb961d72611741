import type { FastifyRequest } from 'fastify';
import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';

/** Does htmx ask, and so want a piece of a page? A restored history entry wants the whole of it. */
export function isHtmx({ headers }: FastifyRequest): boolean {
  return headers['hx-request'] === 'true' && headers['hx-history-restore-request'] !== 'true';
}

export function wantsJson({ headers }: FastifyRequest): boolean {
  const accept = headers.accept ?? '';
  return accept.includes('application/json') && !accept.includes('text/html');
}

/** JSON for a header, which takes nothing beyond ASCII. */
export function headerJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Who asks, on a route that is closed without a session. */
export function principalOf(request: FastifyRequest): Principal {
  const { principal } = request as { principal?: Principal | null };
  if (!principal) throw new AppError('signed-out', 401, 'Sign in first.');
  return principal;
}
