import type { FastifyRequest } from 'fastify';
import type { Principal } from './principal.ts';
import { personOf } from './system-principal.ts';

/**
 * The only door through which the rest learns who is asking. Null: nobody is signed in. Throws
 * AppError 403 where it would be the system.
 */
export async function getUser(request: FastifyRequest): Promise<Principal | null> {
  return personOf(request.session?.user ?? null);
}
