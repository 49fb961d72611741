import type { FastifyPluginAsync } from 'fastify';
import { answerProbe, type ProbeParts, probePaths } from '../../health/probes.ts';

/**
 * For whoever watches this process: is it up, is it ready, what does it measure? Open to all, who
 * without the token are told no more than that.
 */
export const healthRoutes: FastifyPluginAsync<ProbeParts> = async (app, parts) => {
  for (const path of probePaths)
    app.get(path, async ({ headers: { authorization } }, reply) => {
      const { status, headers, body } = await answerProbe(path, authorization, parts);
      return reply.code(status).headers(headers).send(body);
    });
};
