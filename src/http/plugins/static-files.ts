import { dirname } from 'node:path';
import { createRequire } from 'node:module';
import files from '@fastify/static';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { publicFolder } from '../url.ts';

const { resolve } = createRequire(import.meta.url);
const packageFolders = ['htmx.org/dist/htmx.min.js', 'idiomorph/dist/idiomorph-ext.min.js'].map((file) => dirname(resolve(file)));

/** Files anybody may have. An address with the content's hash in it is good for ever, any other is asked about again. */
export const staticFiles: FastifyPluginAsync = async (app) => {
  app.addHook('onSend', async (request: FastifyRequest<{ Querystring: { v?: string } }>, reply) => {
    const isForEver = request.query.v !== undefined && reply.statusCode === 200;
    reply.header('cache-control', isForEver ? 'public, max-age=31536000, immutable' : 'no-cache');
  });
  await app.register(files, {
    root: [publicFolder, ...packageFolders],
    prefix: '/static/',
    cacheControl: false,
    index: false,
    dotfiles: 'deny',
  });
};
