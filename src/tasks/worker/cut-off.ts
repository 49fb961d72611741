import type { Client, Pool, PoolClient } from 'pg';
import { within } from '../../within.ts';

/** Does the server answer in this session? */
export function answers(session: Client, withinMs: number): Promise<boolean> {
  return within(session.query('select 1'), withinMs).then(
    () => true,
    () => false,
  );
}

/**
 * A way to end the connections of a worker on this side, whatever is under way in them: whoever waits
 * for an answer that does not come would wait for hours.
 */
export function connectionsOf(session: Client, pool: Pool): { cut(): void } {
  const clients = new Set<Client | PoolClient>([session]);
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  return {
    cut() {
      for (const client of clients) (client as Client).connection.stream.destroy();
    },
  };
}
