import type { FastifyReply } from 'fastify';

/** The token that a form of this answer carries; empty where there is no session. */
export function csrfToken(reply: FastifyReply): string {
  const { session, principal } = reply.request;
  if (!session?.sessionId) return '';
  return principal ? reply.server.formOwners.sign(reply.generateCsrf(), principal.id) : reply.server.visitToken(reply.request, reply);
}
