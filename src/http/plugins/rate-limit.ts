import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest, RouteShorthandOptions } from 'fastify';
import plugin from 'fastify-plugin';
import { normalEmail } from '../../auth/users.ts';
import { AppError } from '../../errors.ts';
import { texts } from '../texts.ts';

/** Only routes that ask for it are limited. */
export const rateLimits = plugin(async (app) => void (await app.register(rateLimit, { global: false })), { name: 'bulkhead-rate-limit' });

export const attemptsPerMinute = 10;

/** Of one address for one account. */
export const limitSignIn: NonNullable<RouteShorthandOptions['config']> = {
  rateLimit: {
    max: attemptsPerMinute,
    timeWindow: 60_000,
    hook: 'preHandler',
    keyGenerator: (request: FastifyRequest) => `${request.ip} ${normalEmail(emailOf(request))}`,
    errorResponseBuilder: () => new AppError('too-many-attempts', 429, texts.shell.tooManyAttempts),
  },
};

function emailOf({ body }: FastifyRequest): string {
  const { email } = (body ?? {}) as { email?: unknown };
  return typeof email === 'string' ? email.slice(0, 254) : '';
}
