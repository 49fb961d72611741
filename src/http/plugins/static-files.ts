import files from '@fastify/static';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { assetFolders, type SiteUrl } from '../url.ts';

type ForFile = FastifyRequest<{ Params: { '*'?: string }; Querystring: { v?: unknown } }>;

/**
 * Files anybody may have. An address with the content's own hash in it is good for ever, any other
 * is asked about again.
 */
export const staticFiles: FastifyPluginAsync<{ url: SiteUrl }> = async (app, { url }) => {
  app.addHook('onSend', async (request: ForFile, reply) => {
    const { v } = request.query;
    const isForEver =
      reply.statusCode === 200 &&
      typeof v === 'string' &&
      url.asset(request.params['*'] ?? '').endsWith(`?v=${v}`);
    reply.header('cache-control', isForEver ? 'public, max-age=31536000, immutable' : 'no-cache');
  });
  await app.register(files, {
    root: [...assetFolders],
    prefix: '/static/',
    cacheControl: false,
    index: false,
    dotfiles: 'deny',
  });
};
