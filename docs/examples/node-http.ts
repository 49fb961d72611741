import { createServer } from 'node:http';
import { type AdminDefinition, bulkhead, type Principal } from '../../src/index.ts';

export function buildServer(
  admin: AdminDefinition,
  find: (token: string) => Promise<Principal | null>,
  databaseUrl: string,
) {
  const handler = bulkhead.handler({
    prefix: '/admin',
    admin,
    databaseUrl,
    getUser: ({ headers }) => find(headers.authorization ?? ''),
    refreshUser: (id) => find(id),
  });
  const server = createServer((request, response) =>
    handler(request, response, () => response.end('Everything else')),
  );
  server.on('close', () => void handler.close());
  return { server, handler };
}
