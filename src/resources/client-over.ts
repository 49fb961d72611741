import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import type { Client, ClientParts, PrismaClientLike } from './client.ts';

/**
 * Makes the project's client over a pool. The adapter is ours: one with a copy of `pg` of its own
 * would take the pool for something else.
 *
 * @param schema Postgres schema of the tables that name none
 */
export function clientOver(
  createClient: (parts: ClientParts) => PrismaClientLike,
  schema = 'public',
): (pool: Pool) => Client {
  return (pool) => createClient({ adapter: new PrismaPg(pool, { schema }) }) as unknown as Client;
}
