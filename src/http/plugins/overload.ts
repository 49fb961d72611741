import underPressure from '@fastify/under-pressure';
import plugin from 'fastify-plugin';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';

const retryAfterSeconds = 2;

/** Every 503 says when to come again. */
export const retryAfter = plugin(
  async (app) => {
    app.addHook('onSend', async (_request, reply) => {
      if (reply.statusCode === 503) reply.header('retry-after', String(retryAfterSeconds));
    });
  },
  { name: 'bulkhead-retry-after' },
);

export const overloadOptions = {
  maxEventLoopDelay: limits.server.loopDelayMs,
  pressureHandler: () => {
    throw new AppError('busy', 503, limitTexts.loop);
  },
};

/**
 * A process that has more to do than it gets done refuses pages at once, before anything is read for
 * them. Files and probes are answered all the same.
 */
export const overload = plugin(
  async (app) => void (await app.register(underPressure, overloadOptions)),
  { name: 'bulkhead-overload' },
);
