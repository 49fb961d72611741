import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import session from '@fastify/session';
import view from '@fastify/view';
import { Eta } from 'eta';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Principal } from '../auth/principal.ts';

declare module 'fastify' {
  interface Session {
    member?: string;
  }
}

/** Who may come in, by id; taken out, they may not any more. */
export type Members = Map<string, Principal>;

export const memberOf = (id: string, role: string): Principal => ({
  id,
  name: `${id.charAt(0).toUpperCase()}${id.slice(1)}`,
  roles: [role],
});

/**
 * An app as others write them: its own sign-in, session, tokens, headers, limits, templates and
 * answers to errors. Admins are registered with it by the caller.
 */
export async function fastifyHost(
  members: Members,
  options: FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: 1024, routerOptions: { maxParamLength: 100 }, ...options });
  await app.register(cookie);
  await app.register(session, {
    secret: 'a secret of the host that is long enough',
    cookie: { secure: false },
    saveUninitialized: false,
  });
  await app.register(csrf, { sessionPlugin: '@fastify/session' });
  await app.register(formbody);
  await app.register(helmet, { crossOriginEmbedderPolicy: true });
  await app.register(compress, { threshold: 0 });
  await app.register(rateLimit, { max: 10_000 });
  await app.register(view, {
    engine: { eta: new Eta({ views: import.meta.dirname }) },
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers['x-blocked']) return reply.code(418).send('blocked by the host');
    reply.header('x-host', 'hook').header('content-language', 'xx');
  });
  app.addHook('onSend', async (_request, reply) => void reply.header('x-sent-by', 'host'));
  app.setErrorHandler((error: Error, _request, reply) =>
    reply.code(500).send(`the host's error: ${error.message}`),
  );
  app.setNotFoundHandler((_request, reply) => reply.code(404).send("the host's 404"));
  app.post<{ Body: { id: string } }>('/login', async (request, reply) => {
    request.session.member = request.body.id;
    return reply.redirect('/', 303);
  });
  app.get('/', async (request, reply) => {
    const token = reply.generateCsrf();
    return `Hello ${members.get(request.session.member ?? '')?.name ?? 'stranger'} ${token}`;
  });
  app.post('/note', { preHandler: app.csrfProtection }, async (request) => request.body);
  app.get('/template', (_request, reply) =>
    reply.viewAsync('_none', {}).catch(() => reply.send('no template')),
  );
  app.get('/broken', async () => {
    throw new Error('broken');
  });
  return app;
}
