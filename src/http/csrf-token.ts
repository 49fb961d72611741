import type { FastifyReply, FastifyRequest } from 'fastify';

/** The token that a form of this answer carries; empty where there is no session. */
export function csrfToken(reply: FastifyReply): string {
  return reply.server.formToken(reply);
}

/** The token that a request came with; empty where it has none. */
export function tokenOf({ body, headers }: FastifyRequest): string {
  const field = (body as { _csrf?: unknown } | null | undefined)?._csrf;
  const token = typeof field === 'string' ? field : headers['x-csrf-token'];
  return typeof token === 'string' ? token : '';
}
