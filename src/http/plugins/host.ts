import { Readable } from 'node:stream';
import plugin from 'fastify-plugin';
import { AppError } from '../../errors.ts';
import { hostRequestOf } from '../host-request.ts';
import { shellTexts } from '../shell/shell-texts.ts';

/** Requests that an app of the project's hands over are seen as that app sees them. */
export const hostRequests = plugin(
  async (app) => {
    app.addHook('onRequest', async (request) => {
      const host = hostRequestOf(request.raw);
      for (const name of ['ip', 'protocol', 'host'] as const)
        if (host?.[name] !== undefined) Object.defineProperty(request, name, { value: host[name] });
    });
    app.addHook('preParsing', async (request, _reply, payload) => {
      const body = hostRequestOf(request.raw)?.body ?? null;
      if (body === null) return payload;
      if (body === 'unknown') throw new AppError('body-read', 500, shellTexts.errors['body-read']);
      // It may have come compressed: as long as it says is what was sent.
      const receivedEncodedLength = Number(request.headers['content-length'] ?? body.length);
      return Object.assign(Readable.from([body]), { receivedEncodedLength });
    });
    app.addHook('onSend', async (_request, reply) => {
      const theirs = reply.raw.getHeader('set-cookie');
      if (theirs !== undefined && reply.hasHeader('set-cookie'))
        reply.header('set-cookie', [theirs].flat() as string[]);
    });
  },
  { name: 'bulkhead-host' },
);
