import { readFile } from 'node:fs/promises';
import files from '@fastify/static';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { noOwnFiles, type OwnFiles } from '../../own-look.ts';
import { assetFolders, type SiteUrl } from '../url.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of the project's own files, the name of the one that is sent. */
    file?: string;
  }
}

type ForFile = FastifyRequest<{ Params: { '*'?: string }; Querystring: { v?: unknown } }>;

/**
 * Files anybody may have. An address with the content's own hash in it is good for ever, any other
 * is asked about again.
 */
export const staticFiles: FastifyPluginAsync<{ url: SiteUrl; own?: OwnFiles }> = async (
  app,
  { url, own = noOwnFiles },
) => {
  app.addHook('onSend', async (request: ForFile, reply) => {
    const { v } = request.query;
    const name = reply.request.routeOptions.config.file ?? request.params['*'] ?? '';
    const isForEver =
      reply.statusCode === 200 && typeof v === 'string' && url.asset(name).endsWith(`?v=${v}`);
    reply.header('cache-control', isForEver ? 'public, max-age=31536000, immutable' : 'no-cache');
  });
  await app.register(files, {
    root: [...assetFolders],
    prefix: '/static/',
    cacheControl: false,
    index: false,
    dotfiles: 'deny',
  });
  for (const { name, file, type } of [...own.styles, ...(own.logo ? [own.logo] : [])])
    app.get(`/static/${name}`, { config: { file: name } }, async (_request, reply) =>
      reply.type(type).send(await readFile(file)),
    );
};
