import { isIPv6 } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest, RouteShorthandOptions } from 'fastify';
import plugin from 'fastify-plugin';
import { normalEmail } from '../../auth/users.ts';
import { AppError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { shellTexts } from '../shell/shell-texts.ts';

/** Only routes that ask for it are limited. */
export const rateLimits = plugin(
  async (app) =>
    void (await app.register(rateLimit, { global: false, cache: limits.signIn.watchedAddresses })),
  { name: 'bulkhead-rate-limit' },
);

/** Which browser it is, of those that have signed in to the account before; empty: none of them. */
type DeviceOf = (request: FastifyRequest) => string;

/** Of one address for one account; a known browser is counted alone. */
export const limitSignIn = (deviceOf: DeviceOf): NonNullable<RouteShorthandOptions['config']> => ({
  rateLimit: {
    max: limits.signIn.attemptsPerMinute,
    timeWindow: 60_000,
    hook: 'preHandler',
    keyGenerator: (request: FastifyRequest) =>
      `${networkOf(request.ip)} ${normalEmail(emailOf(request))} ${deviceOf(request)}`,
    errorResponseBuilder: tooMany,
  },
});

/**
 * A hook for routes that take a password or a secret: counts them all together, by address alone,
 * but for known browsers.
 */
export function limitAddress(
  app: FastifyInstance,
  deviceOf: DeviceOf = () => '',
): (request: FastifyRequest) => Promise<void> {
  const check = app.createRateLimit({
    max: limits.signIn.addressAttemptsPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request: FastifyRequest) => networkOf(request.ip),
  });
  return async (request) => {
    if (deviceOf(request) !== '') return;
    const limit = await check(request);
    if (!limit.isAllowed && limit.isExceeded) throw tooMany();
  };
}

export function tooMany(): AppError {
  return new AppError('too-many-attempts', 429, shellTexts.tooManyAttempts);
}

/** The network of an address: for IPv6 its /64, since one household has all 2⁶⁴ addresses of it. */
export function networkOf(ip: string): string {
  if (!isIPv6(ip) || ip.includes('.')) return ip;
  const [front = '', back] = ip.split('%')[0]?.split('::') ?? [];
  const head = front === '' ? [] : front.split(':');
  const tail = back === undefined || back === '' ? [] : back.split(':');
  const missing = back === undefined ? 0 : 8 - head.length - tail.length;
  const parts = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return parts
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16))
    .join(':');
}

function emailOf({ body }: FastifyRequest): string {
  const { email } = (body ?? {}) as { email?: unknown };
  return typeof email === 'string' ? email.slice(0, limits.signIn.emailLength) : '';
}
