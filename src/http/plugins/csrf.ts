import csrf from '@fastify/csrf-protection';
import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/** Every request that may change something carries the session's token, in the body's `_csrf` or the header `x-csrf-token`. */
export const csrfProtection = plugin(
  async (app) => {
    await app.register(csrf, { sessionPlugin: '@fastify/session', getToken: tokenOf });
    app.addHook('preHandler', (request, reply, done) => {
      if (safeMethods.includes(request.method)) done();
      else app.csrfProtection(request, reply, done);
    });
  },
  { name: 'bulkhead-csrf', dependencies: ['bulkhead-session'] },
);

function tokenOf({ body, headers }: FastifyRequest): string {
  const field = (body as { _csrf?: unknown } | null | undefined)?._csrf;
  const token = typeof field === 'string' ? field : headers['x-csrf-token'];
  return typeof token === 'string' ? token : '';
}
