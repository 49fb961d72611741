import csrf from '@fastify/csrf-protection';
import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { type FormOwners, formOwners, withoutMark } from '../../auth/form-owner.ts';
import { visits } from '../../auth/visits.ts';
import { tokenOf } from '../csrf-token.ts';

declare module 'fastify' {
  interface FastifyInstance {
    formOwners: FormOwners;
    /** The token that a form of this answer carries; empty where nobody could send it. */
    formToken(reply: FastifyReply): string;
  }
}

/** Of who is not signed in; no row of ours. */
const visitCookie = 'bulkhead_visit';

/** Does nothing come of it? */
export function isSafe({ method }: FastifyRequest): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(method);
}

/**
 * Every request that may change something carries the session's token, in the body's `_csrf` or the
 * header `x-csrf-token`.
 */
export const csrfProtection = plugin<{ secret: string; path: string; isHttps: boolean }>(
  async (app, { secret, path, isHttps }) => {
    const known = visits(secret);
    const begun = new WeakMap<FastifyRequest, string>();
    // The token of a form for who is not signed in; the browser keeps the other half.
    const visitToken = (request: FastifyRequest, reply: FastifyReply) => {
      const given = request.cookies?.[visitCookie] ?? begun.get(request);
      const visit = given ?? known.begin();
      if (given === undefined) {
        begun.set(request, visit);
        reply.setCookie(visitCookie, visit, {
          path,
          httpOnly: true,
          sameSite: 'lax',
          secure: isHttps,
        });
      }
      return known.token(visit);
    };
    const owners = formOwners(secret);
    app.decorate('formOwners', owners);
    app.decorate('formToken', (reply: FastifyReply) => {
      const { session, principal } = reply.request;
      if (!session?.sessionId) return '';
      return principal
        ? owners.sign(reply.generateCsrf(), principal.id)
        : visitToken(reply.request, reply);
    });
    await app.register(csrf, {
      sessionPlugin: '@fastify/session',
      getToken: (request) => withoutMark(tokenOf(request)),
    });
    app.addHook('preHandler', (request, reply, done) => {
      const isVisit = () =>
        request.routeOptions.config?.isPublic === true &&
        known.isOf(withoutMark(tokenOf(request)), request.cookies?.[visitCookie]);
      if (isSafe(request) || isVisit()) done();
      else app.csrfProtection(request, reply, done);
    });
  },
  { name: 'bulkhead-csrf', dependencies: ['bulkhead-session'] },
);
