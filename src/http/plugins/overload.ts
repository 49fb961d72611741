import underPressure from '@fastify/under-pressure';
import plugin from 'fastify-plugin';
import { AppError } from '../../errors.ts';
import { limits, limitTexts, retryAfterSeconds } from '../../limits.ts';

/** Every 503 says when to come again. */
export const retryAfter = plugin(
  async (app) => {
    app.addHook('onSend', async (_request, reply) => {
      if (reply.statusCode === 503) reply.header('retry-after', String(retryAfterSeconds));
    });
  },
  { name: 'bulkhead-retry-after' },
);

export const overloadOptions = { maxEventLoopDelay: limits.server.loopDelayMs };

/** One long computation makes a look late, and no overload: it lasts for so many looks. */
const lookEveryMs = 1_000;
const looks = 3;

/**
 * A process that has had more to do than it gets done for a while refuses pages at once, before anything is read for
 * them. Files and probes are answered all the same.
 */
export const overload = plugin(
  async (app) => {
    let late = 0;
    await app.register(underPressure, {
      ...overloadOptions,
      pressureHandler: () => {
        if (late >= looks) throw new AppError('busy', 503, limitTexts.loop);
      },
    });
    const timer = setInterval(() => {
      late = app.isUnderPressure() ? late + 1 : 0;
    }, lookEveryMs).unref();
    app.addHook('onClose', async () => clearInterval(timer));
  },
  { name: 'bulkhead-overload' },
);
