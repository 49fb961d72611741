import express, { type Request } from 'express';
import { type AdminDefinition, bulkhead, type Principal } from '../../src/index.ts';

/** What the app knows of its people. */
interface Accounts {
  ofCookie(cookie: string | undefined): Promise<Principal | null>;
  find(id: string): Promise<Principal | null>;
}

export function buildShop(admin: AdminDefinition, accounts: Accounts, databaseUrl: string) {
  const handler = bulkhead.handler<Request>({
    prefix: '/admin',
    admin,
    databaseUrl,
    // The request is the app's: with a session, `request.session`; with passport, `request.user`.
    getUser: (request) => accounts.ofCookie(request.headers.cookie),
    refreshUser: (id) => accounts.find(id),
    worker: true,
  });
  const app = express();
  // After what knows who is signed in, and before what reads bodies.
  app.use('/admin', handler);
  app.use(express.urlencoded({ extended: true }));
  app.get('/tasks-under-way', async (_request, response) => {
    response.json(await handler.tasks.list({ states: ['running'] }));
  });
  return { app, handler };
}
