import Fastify, { type FastifyRequest } from 'fastify';
import { type AdminDefinition, bulkhead, type Principal } from '../../src/index.ts';

/** What the app knows of its people. */
interface Accounts {
  ofRequest(request: FastifyRequest): Promise<Principal | null>;
  find(id: string): Promise<Principal | null>;
}

export async function buildShop(admin: AdminDefinition, accounts: Accounts, databaseUrl: string) {
  const app = Fastify();
  // The app's own plugins first: getUser is asked with the app's request, and what they put on it.
  await app.register(bulkhead, {
    prefix: '/admin',
    admin,
    databaseUrl,
    getUser: (request) => accounts.ofRequest(request),
    refreshUser: (id) => accounts.find(id),
    signInUrl: ({ next }) => `/login?next=${encodeURIComponent(next)}`,
    worker: true,
  });
  app.get('/tasks-under-way', async () => app.bulkhead.tasks.list({ states: ['running'] }));
  return app;
}
