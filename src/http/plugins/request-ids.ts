import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { withIds } from '../../log/ids.ts';

/**
 * Whatever is logged for a request has its id. Said again once its body has been read: what has been
 * kept for callbacks of Node's is lost as it arrives.
 */
export const requestIds = plugin(
  async (app) => {
    for (const name of ['onRequest', 'preValidation'] as const)
      app.addHook(name, (request: FastifyRequest, _reply: unknown, done: () => void) =>
        withIds({ requestId: request.id }, done),
      );
  },
  { name: 'bulkhead-request-ids' },
);
