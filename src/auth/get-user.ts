import type { FastifyRequest } from 'fastify';
import type { Principal } from './principal.ts';

/** The only door through which the rest learns who is asking. Null: nobody is signed in. */
export async function getUser(request: FastifyRequest): Promise<Principal | null> {
  return request.session?.user ?? null;
}
