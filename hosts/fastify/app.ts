import { join } from 'node:path';
import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import session from '@fastify/session';
import view from '@fastify/view';
import { bulkhead } from 'bulkhead';
import { Eta } from 'eta';
import fastify, { type FastifyError, type FastifyRequest } from 'fastify';
import admin from './bulkhead.config.ts';
import { desk } from './desk.ts';
import { addReader, findReader, principalOf, prisma } from './readers.ts';
import { stocktake } from './stocktake.ts';

declare module 'fastify' {
  interface Session {
    readerId?: string;
  }
}

/** An application that had all of this before it had Bulkhead. */
export async function buildApp() {
  const app = fastify({ bodyLimit: 1024 });
  await app.register(cookie);
  await app.register(session, {
    secret: 'a secret of the library that is long enough',
    cookie: { secure: false },
  });
  await app.register(csrf, { sessionPlugin: '@fastify/session' });
  await app.register(formbody);
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { imgSrc: ['library.test'] } },
  });
  await app.register(compress, { threshold: 0 });
  await app.register(rateLimit, { max: 100_000 });
  const root = join(import.meta.dirname, 'views');
  await app.register(view, { engine: { eta: new Eta({ views: root }) }, root });
  app.decorateRequest('principal', null);
  app.setErrorHandler((error: FastifyError, _request, reply) =>
    reply.status(error.statusCode ?? 500).send({ library: error.code ?? 'broken' }),
  );
  app.setNotFoundHandler((request, reply) => reply.status(404).send({ library: request.url }));
  app.addHook('onClose', () => prisma.$disconnect());

  const getUser = ({ session }: FastifyRequest) =>
    session.readerId ? principalOf(session.readerId) : null;
  const people = { getUser, refreshUser: principalOf };
  await app.register(bulkhead, { prefix: '/admin', admin, worker: true, ...people });
  await app.register(bulkhead, { prefix: '/at/the-desk', admin: desk, ...people });

  app.get('/', async (request, reply) => {
    const reader = request.session.readerId ? await principalOf(request.session.readerId) : null;
    const books = await prisma.book.count();
    return reply.view('home.eta', { reader, books, token: reply.generateCsrf() });
  });
  const protectedBy = { preHandler: app.csrfProtection };
  app.post<{ Body: Record<'email' | 'name' | 'role' | 'password', string> }>(
    '/sign-up',
    protectedBy,
    async ({ body: { email, name, role, password } }, reply) => {
      await addReader({ email, name, role, password });
      return reply.redirect('/');
    },
  );
  app.post<{ Body: Record<'email' | 'password', string> }>(
    '/sign-in',
    protectedBy,
    async ({ body, session }, reply) => {
      const reader = await findReader(body.email, body.password);
      if (!reader) return reply.status(422).send({ library: 'unknown' });
      session.readerId = String(reader.id);
      return reply.redirect('/');
    },
  );
  app.post<{ Params: { id: string } }>('/readers/:id/removal', async ({ params }, reply) => {
    await prisma.reader.delete({ where: { id: Number(params.id) } });
    return reply.status(204).send();
  });
  app.post('/echo', ({ body }) => ({ body }));
  app.get('/broken', () => {
    throw new Error('on purpose');
  });
  app.post<{ Params: { shelf: string } }>('/stocktakes/:shelf', async ({ params }) => {
    const { tasks } = app.bulkhead.at('/admin');
    const task = await tasks.launch(stocktake, { shelf: params.shelf });
    await tasks.wait(task, { timeoutMs: 60_000 });
    return { task: task.id };
  });
  return app;
}
