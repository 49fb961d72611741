import type { FastifyPluginAsync } from 'fastify';
import { hasMessages, listMessages, readMessage, readMessages } from '../../channels/messages.ts';
import { notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import { isHtmx, principalOf, wantsJson } from '../negotiate.ts';
import { addTrigger } from '../plugins/page.ts';
import { unseenOf } from '../plugins/unseen.ts';
import type { RouteOptions } from '../route-options.ts';
import { bellData, silentBell, toastOf } from '../shell/bell.ts';
import { noticesData } from './notices.ts';
import { noticeTexts } from './notices-texts.ts';

/** htmx stops a poll when it swaps an answer of this status. */
const stopPolling = 286;

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

  // Signed out ends a poll, so the guard lets it through: nobody who types elsewhere is sent away.
  app.get<{ Querystring: { after?: string } }>(
    '/tasks/notices/bell',
    { config: { isPublic: true, isPolled: true } },
    async (request, reply) => {
      if (!isHtmx(request)) return reply.redirect(url('/tasks/notices'), 303);
      const { principal } = request;
      if (!principal || !hasMessages(context))
        return reply.code(stopPolling).page('notices/_bell', silentBell(url));
      const unseen = await unseenOf(request, context);
      const after = Number(request.query.after);
      if (Number.isSafeInteger(after) && unseen.latest > after) {
        const come = await listMessages(context, principal, { after, limit: limits.shown.tasks });
        const toast = toastOf(
          come.filter(({ isSeen }) => !isSeen),
          url,
        );
        if (toast) addTrigger(reply, 'bulkhead:toast', toast);
      }
      return reply.page('notices/_bell', bellData(unseen, url));
    },
  );

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
