import type { IncomingMessage } from 'node:http';
import { type AdminDefinition, bulkhead, type Principal } from '../../src/index.ts';

/** Of `NestFactory.create(AppModule)`. */
interface NestApp {
  use(path: string, handler: unknown): unknown;
}

/** What a middleware of the app, such as passport's, has put on the request. */
interface Known extends IncomingMessage {
  user?: Principal;
}

export function mountIn(
  app: NestApp,
  admin: AdminDefinition,
  find: (id: string) => Promise<Principal | null>,
  databaseUrl: string,
) {
  const handler = bulkhead.handler<Known>({
    prefix: '/admin',
    admin,
    databaseUrl,
    getUser: ({ user }) => user,
    refreshUser: find,
  });
  app.use('/admin', handler);
  return handler;
}
