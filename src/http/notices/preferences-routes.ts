import type { FastifyPluginAsync } from 'fastify';
import { hasMessages } from '../../channels/messages.ts';
import { choosableChannels, listPreferences, savePreferences } from '../../channels/preferences.ts';
import { notFound } from '../../errors.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { parsePreferences, preferencesData } from './preferences.ts';
import { preferenceTexts } from './preferences-texts.ts';

/** How somebody wants to be told. Each says it of themselves. */
export const preferencesRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context, url },
) => {
  const parts = { url, hasBell: hasMessages(context) };

  app.get('/tasks/notices/preferences', async (request, reply) => {
    const channels = choosableChannels(context);
    if (channels.length === 0) throw notFound();
    const preferences = await listPreferences(context, principalOf(request));
    if (wantsJson(request)) return { preferences };
    return reply.page('preferences/edit', preferencesData(channels, preferences, parts));
  });

  app.post<{ Body: Record<string, unknown> | undefined }>(
    '/tasks/notices/preferences',
    async (request, reply) => {
      const channels = choosableChannels(context);
      if (channels.length === 0) throw notFound();
      const parsed = parsePreferences(channels, request.body ?? {}, parts);
      if ('refused' in parsed) return reply.code(422).page('preferences/edit', parsed.refused);
      await savePreferences(context, principalOf(request), parsed.preferences);
      return reply
        .flash('success', preferenceTexts.saved)
        .redirect(url('/tasks/notices/preferences'), 303);
    },
  );
};
