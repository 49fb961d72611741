import type { Pool } from 'pg';
import { adaptersFrom } from './adapters.ts';
import type { Client, ClientParts, PrismaClientLike } from './client.ts';
import { numbersOf, versionOf, whyNot, wrongClient } from './wrong-client.ts';

/**
 * Makes the project's client over a pool, with an adapter of the same Prisma: the project's, or the
 * one that came with us.
 *
 * @param schema Postgres schema of the tables that name none
 * @param folders where the project's packages are looked for
 */
export function clientOver(
  createClient: (parts: ClientParts) => PrismaClientLike,
  schema = 'public',
  folders: readonly string[] = [process.cwd()],
): (pool: Pool) => Client {
  const [first, ...others] = adaptersFrom(folders);
  let adapter: typeof first | null = null;
  const over = (used: typeof first, pool: Pool) =>
    createClient({ adapter: used.over(pool, schema) }) as unknown as Client;
  return (pool) => {
    if (adapter) return over(adapter, pool);
    const client = over(first, pool);
    const cannot = whyNot(client);
    if (cannot) throw wrongClient(cannot);
    const version = versionOf(client);
    adapter = version === null ? first : fitting(version, [first, ...others]);
    return adapter === first ? client : over(adapter, pool);
  };
}

function fitting<T extends { version: string }>(version: string, adapters: readonly T[]): T {
  const [major] = numbersOf(version);
  const found =
    adapters.find((adapter) => adapter.version === version) ??
    adapters.find((adapter) => numbersOf(adapter.version)[0] === major);
  if (found) return found;
  throw wrongClient(
    `makes a client of Prisma ${version}, for which there is no adapter: npm install @prisma/adapter-pg@${version}`,
  );
}
