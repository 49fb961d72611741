import type { FastifyInstance } from 'fastify';
import type { AdminDefinition } from '../admin-definition.ts';
import { buildApp } from '../app.ts';
import type { Config } from '../config.ts';
import type { TaskContext } from '../tasks/context.ts';

export interface PageServer {
  app: FastifyInstance;
  /** `http://127.0.0.1:3000`, with the port that was really taken. */
  address: string;
}

/** Builds the web server and listens. */
export async function servePages(
  admin: AdminDefinition,
  config: Config,
  context: TaskContext,
): Promise<PageServer> {
  const app = await buildApp({ admin, config, context });
  try {
    const address = await app.listen({ host: config.HOST, port: config.PORT });
    return { app, address: `${address}${config.BULKHEAD_PREFIX}` };
  } catch (error) {
    await app.close();
    throw error;
  }
}
