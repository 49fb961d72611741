import type { FastifyPluginAsync } from 'fastify';
import { hasMessages } from '../../channels/messages.ts';
import { isHtmx } from '../negotiate.ts';
import { unseenOf } from '../plugins/unseen.ts';
import type { RouteOptions } from '../route-options.ts';
import { stopPolling } from '../stop-polling.ts';
import { liveData, signedOutLive } from './live.ts';
import { parseWanted } from './live-query.ts';

/** One answer for all that moves by itself on a page: `public/live.js` asks for it. */
export const liveRoutes: FastifyPluginAsync<RouteOptions> = async (app, options) => {
  const { context, url } = options;

  // Signed out ends it like anything else, so the guard lets it through: nobody who types elsewhere
  // on the page is sent away.
  app.get('/tasks/live', { config: { isPublic: true, isPolled: true } }, async (request, reply) => {
    if (!isHtmx(request)) return reply.redirect(url('/tasks'), 303);
    const wanted = parseWanted(request.query as Record<string, unknown>);
    const { principal } = request;
    const unseen = async () => (hasMessages(context) ? unseenOf(request, context) : null);
    const live = principal
      ? await liveData({ ...options, principal, unseen, now: new Date() }, wanted)
      : signedOutLive(options, wanted);
    return reply.code(live.isLive ? 200 : stopPolling).page('live/_pieces', live);
  });
};
