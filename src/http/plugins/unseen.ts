import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { countUnseen, type Unseen } from '../../auth/unseen.ts';
import { hasMessages } from '../../channels/messages.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { isHtmx, wantsJson } from '../negotiate.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the bell of a page says; null: there is none. */
    unseen: Unseen | null;
  }
}

const none: Unseen = { count: 0, latest: 0 };

/**
 * How many messages somebody has not read: read with their session. Of people who are no rows of
 * ours a whole page asks it by a statement of its own.
 */
export const unseenMessages = plugin<{ context: TaskContext }>(
  async (app, { context }) => {
    app.decorateRequest('unseen', null);
    if (!hasMessages(context)) return;
    app.addHook('onRequest', async (request) => {
      if (!request.principal) return;
      const isPage = request.method === 'GET' && !isHtmx(request) && !wantsJson(request);
      if (context.people.isOurs || isPage) request.unseen = await unseenOf(request, context);
    });
  },
  { name: 'bulkhead-unseen', dependencies: ['bulkhead-guard'] },
);

export async function unseenOf(
  { principal, session, unseen }: FastifyRequest,
  { people, db: { pages, t } }: Pick<TaskContext, 'people' | 'db'>,
): Promise<Unseen> {
  if (unseen) return unseen;
  if (people.isOurs) return session.unseen ?? none;
  return principal ? countUnseen(pages, t, principal.id) : none;
}
