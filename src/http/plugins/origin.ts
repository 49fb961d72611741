import plugin from 'fastify-plugin';
import { withOrigin } from '../../audit/origin.ts';

/**
 * Whatever a request does comes from its address. Said once its body has been read: what has been
 * kept for callbacks of Node's is lost as it arrives.
 */
export const origins = plugin(
  async (app) => {
    app.addHook('preHandler', (request, _reply, done) => {
      const agent = request.headers['user-agent'] ?? null;
      withOrigin({ kind: 'request', name: request.ip, agent }, done);
    });
  },
  { name: 'bulkhead-origin' },
);
