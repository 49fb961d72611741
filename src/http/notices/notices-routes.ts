import type { FastifyPluginAsync } from 'fastify';
import { hasMessages, listMessages, readMessage, readMessages } from '../../channels/messages.ts';
import { notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import { unseenOf } from '../plugins/unseen.ts';
import type { RouteOptions } from '../route-options.ts';
import { noticesData } from './notices.ts';
import { noticeTexts } from './notices-texts.ts';

/** What somebody is told by messages. Each sees their own. */
export const noticesRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  app.get('/tasks/notices', async (request, reply) => {
    const principal = principalOf(request);
    if (!hasMessages(context)) throw notFound();
    const messages = await listMessages(context, principal, { limit: limits.shown.tasks });
    if (wantsJson(request)) return { notices: messages };
    const { latest } = await unseenOf(request, context);
    const { timeZone } = readerOf(principal);
    return reply.page(
      'notices/index',
      noticesData(messages, { latest, now: new Date(), timeZone, url }),
    );
  });

  app.post<{ Params: { id: string } }>('/tasks/notices/:id/reading', async (request, reply) => {
    const id = Number(request.params.id);
    const isRead =
      Number.isSafeInteger(id) && (await readMessage(context, principalOf(request), id));
    if (!isRead) throw notFound();
    return wantsJson(request) ? { id } : reply.redirect(url('/tasks/notices'), 303);
  });

  app.post<{ Body: { upTo?: string } | undefined }>(
    '/tasks/notices/reading',
    async (request, reply) => {
      const upTo = Number(request.body?.upTo);
      if (!Number.isSafeInteger(upTo)) throw notFound();
      await readMessages(context, principalOf(request), upTo);
      if (wantsJson(request)) return { upTo };
      return reply.flash('success', noticeTexts.isRead).redirect(url('/tasks/notices'), 303);
    },
  );
};
