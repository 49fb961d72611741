import type { FastifyPluginAsync } from 'fastify';
import type { Database } from '../../db/database.ts';

/**
 * For load balancers: is this process up, and does its database answer? Open to all, and says
 * nothing else.
 */
export const healthRoutes: FastifyPluginAsync<{ db: Database }> = async (app, { db }) => {
  app.get('/healthz', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    try {
      await db.pages.query('select 1');
      return { ok: true };
    } catch (error) {
      request.log.error(error, 'health check failed');
      return reply.code(503).send({ ok: false });
    }
  });
};
