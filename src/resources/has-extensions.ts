import type { Client } from './client.ts';

/** Has the project extended its client? Prisma takes `$on` away from a client by extending it. */
export function hasExtensions(client: Client): boolean {
  return (client as { $on?: unknown }).$on === undefined;
}
