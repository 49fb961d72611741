import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';

/** Listens; gives `http://127.0.0.1:3000`, with the port that was really taken, and the prefix. */
export async function servePages(
  app: FastifyInstance,
  { HOST: host, PORT: port, BULKHEAD_PREFIX: prefix }: Config,
): Promise<string> {
  return `${await app.listen({ host, port })}${prefix}`;
}
