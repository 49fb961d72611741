import type { Pool } from 'pg';
import { AppError } from '../errors.ts';
import type { Client } from './client.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { delegateOf } from './delegate.ts';

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
    throw wrong(
      `failed (${String((error as Error)?.message ?? error)
        .trim()
        .split('\n')[0]
        ?.replace(/\.$/, '')})`,
    );
  }
  if (typeof (client as { $transaction?: unknown } | undefined)?.$transaction !== 'function')
    throw wrong('returns no Prisma client');
  const unknown = definitions.filter(({ metadata, model }) => {
    const known = metadata.models[model];
    return known && delegateOf(client, known) === undefined;
  });
  if (unknown.length > 0) {
    throw wrong(
      `makes a client that has no model ${unknown.map(({ model }) => model).join(', ')}: is it generated from the same schema as the metadata?`,
    );
  }
  return client;
}

/**
 * An adapter with a copy of `pg` of its own takes our pool for something else, and connects to
 * wherever the environment says.
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
    throw wrong(
      'makes a client that does not use the pool that it is given: are there two copies of pg or @prisma/adapter-pg in the project?',
    );
  }
}

function wrong(what: string): AppError {
  const text = `The admin cannot be started: its createClient ${what}`;
  return new AppError('wrong-client', 500, text.endsWith('?') ? text : `${text}.`);
}
