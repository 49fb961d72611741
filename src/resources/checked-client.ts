import type { Pool } from 'pg';
import { AppError } from '../errors.ts';
import type { Client } from './client.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { delegateOf } from './delegate.ts';
import { tooOld, wrongClient } from './wrong-client.ts';

const handOn = 'hand it on, as in createClient: ({ adapter }) => new PrismaClient({ adapter })';

/**
 * The project's client, if it is one and knows every model that is administered: otherwise the
 * first page would be the first to notice.
 */
export function checkedClient(
  createClient: (pool: Pool) => Client,
  pool: Pool,
  definitions: readonly ResourceDefinition[],
): Client {
  let client: Client;
  try {
    client = createClient(pool);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (/driverAdapters/.test(String(error))) throw wrongClient(tooOld('of a Prisma before 6.16'));
    if (/(requires a driver adapter|driver adapter is required)/i.test(String(error)))
      throw wrongClient(`makes a client without the adapter that it is given: ${handOn}`);
    throw wrongClient(
      `failed (${String((error as Error)?.message ?? error)
        .trim()
        .split('\n')[0]
        ?.replace(/\.$/, '')})`,
    );
  }
  if (typeof (client as { $transaction?: unknown } | undefined)?.$transaction !== 'function')
    throw wrongClient('returns no Prisma client');
  const unknown = definitions.filter(({ metadata, model }) => {
    const known = metadata.models[model];
    return known && delegateOf(client, known) === undefined;
  });
  if (unknown.length > 0) {
    throw wrongClient(
      `makes a client that has no model ${unknown.map(({ model }) => model).join(', ')}: is it generated from the same schema as the metadata?`,
    );
  }
  return client;
}

/**
 * A client that was there before, or one with an adapter of its own, connects to wherever it was
 * said elsewhere.
 */
export async function assertUsesPool(client: Client, pool: Pool): Promise<void> {
  let isUsed = false;
  const note = () => {
    isUsed = true;
  };
  pool.on('acquire', note);
  try {
    await (client as unknown as { $queryRawUnsafe(sql: string): Promise<unknown> }).$queryRawUnsafe(
      'select 1',
    );
  } catch (error) {
    if (isUsed) throw error;
  } finally {
    pool.off('acquire', note);
  }
  if (!isUsed) {
    throw wrongClient(`makes a client that does not use the adapter that it is given: ${handOn}`);
  }
}
