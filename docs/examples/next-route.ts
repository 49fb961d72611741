import type { IncomingMessage } from 'node:http';
import { type AdminDefinition, bulkhead, type Handler, type Principal } from '../../src/index.ts';

/** Next reads its modules anew while one writes them: there is to be one of it all the same. */
const kept = globalThis as { adminOfShop?: Handler<IncomingMessage> };

/** The default export of `pages/api/admin/[[...path]].ts`. */
export function routeOf(
  admin: AdminDefinition,
  find: (cookie: string | undefined) => Promise<Principal | null>,
  refreshUser: (id: string) => Promise<Principal | null>,
): Handler<IncomingMessage> {
  kept.adminOfShop ??= bulkhead.handler({
    prefix: '/api/admin',
    admin,
    getUser: ({ headers }) => find(headers.cookie),
    refreshUser,
  });
  return kept.adminOfShop;
}

/** Exported beside it: Next leaves the body, and the end of the answer, to the handler. */
export const config = { api: { bodyParser: false, externalResolver: true } };
