import csrf from '@fastify/csrf-protection';
import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { type FormOwners, formOwners, withoutMark } from '../../auth/form-owner.ts';

declare module 'fastify' {
  interface FastifyInstance {
    formOwners: FormOwners;
  }
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/** Every request that may change something carries the session's token, in the body's `_csrf` or the header `x-csrf-token`. */
export const csrfProtection = plugin<{ secret: string }>(
  async (app, { secret }) => {
    app.decorate('formOwners', formOwners(secret));
    await app.register(csrf, { sessionPlugin: '@fastify/session', getToken: (request) => withoutMark(tokenOf(request)) });
    app.addHook('preHandler', (request, reply, done) => {
      if (safeMethods.includes(request.method)) done();
      else app.csrfProtection(request, reply, done);
    });
  },
  { name: 'bulkhead-csrf', dependencies: ['bulkhead-session'] },
);

export function tokenOf({ body, headers }: FastifyRequest): string {
  const field = (body as { _csrf?: unknown } | null | undefined)?._csrf;
  const token = typeof field === 'string' ? field : headers['x-csrf-token'];
  return typeof token === 'string' ? token : '';
}
