import { AsyncResource } from 'node:async_hooks';
import { finished } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { PassThrough } from '../../log/pass-through.ts';

/** Puts what the project wants around every request, until it is answered. */
export const requestSpans = plugin<{ around: PassThrough }>(
  async (app, { around }) => {
    const within = new WeakMap<FastifyRequest, AsyncResource>();
    const failures = new WeakMap<FastifyRequest, Error>();
    app.addHook('onRequest', (request, reply, done) => {
      const { id, method, routeOptions } = request;
      const span = {
        kind: 'request',
        name: `${method} ${routeOptions.url ?? 'of no route'}`,
        ids: { requestId: id },
      } as const;
      const run = () =>
        new Promise<void>((resolve, reject) => {
          within.set(request, new AsyncResource('bulkhead-request'));
          finished(reply.raw, () => {
            const failure = failures.get(request);
            if (failure && reply.statusCode >= 500) reject(failure);
            else resolve();
          });
          done();
        });
      // The answer says what has failed.
      around(span, run).catch(() => undefined);
    });
    // What has been kept for callbacks of Node's is lost as its body arrives.
    app.addHook('preValidation', (request, _reply, done) => {
      const resource = within.get(request);
      if (resource) resource.runInAsyncScope(done);
      else done();
    });
    app.addHook('onError', async (request, _reply, error) => {
      failures.set(request, error);
    });
  },
  { name: 'bulkhead-request-spans' },
);
