import { setTimeout as wait } from 'node:timers/promises';
import type { Client, Pool, PoolClient } from 'pg';

/** Does the server answer in this session? */
export async function answers(session: Client, withinMs: number): Promise<boolean> {
  const ended = new AbortController();
  const answer = session.query('select 1').then(
    () => true,
    () => false,
  );
  const late = wait(withinMs, false, { signal: ended.signal }).catch(() => false);
  const isAnswered = await Promise.race([answer, late]);
  ended.abort();
  return isAnswered;
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
