import plugin from 'fastify-plugin';
import type { AskedPeople } from '../../auth/people.ts';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { shellTexts } from '../shell/shell-texts.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    /** Answers without a session too. Everything else is closed. */
    isPublic?: boolean;
  }
}

/**
 * Default deny: without a session only routes that say `isPublic` answer, and what does not exist
 * is not told apart.
 */
export const guard = plugin<{ people: AskedPeople }>(
  async (app, { people }) => {
    app.decorateRequest('principal', null);
    app.addHook('onRequest', async (request) => {
      request.principal = await people.getUser(request);
      if (!request.principal && request.routeOptions.config?.isPublic !== true) {
        throw new AppError('signed-out', 401, shellTexts.sessionOver);
      }
    });
  },
  { name: 'bulkhead-guard', dependencies: ['bulkhead-cookie'] },
);
