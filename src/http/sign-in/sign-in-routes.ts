import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { writeEntry } from '../../audit/entry.ts';
import { AccountTurns } from '../../auth/account-turns.ts';
import { knownDevices } from '../../auth/known-devices.ts';
import type { Principal } from '../../auth/principal.ts';
import { findByPassword } from '../../auth/sign-in.ts';
import { normalEmail, noteSignIn, type Users } from '../../auth/users.ts';
import { databaseNow } from '../../db/database-now.ts';
import { AppError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Body } from '../form.ts';
import { openForm, tokenIn } from '../kept-form.ts';
import { limitAddress, limitSignIn, tooMany } from '../plugins/rate-limit.ts';
import type { RouteOptions } from '../route-options.ts';
import { withSealedSecrets } from '../sealed-secrets.ts';
import { keptData } from '../shell/kept.ts';
import { keptTexts } from '../shell/kept-texts.ts';
import { shellTexts } from '../shell/shell-texts.ts';
import { signInData } from '../shell/sign-in.ts';

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');

/** Kept by a browser that has signed in, for the account that it signed in to. */
const deviceCookie = 'bulkhead_device';
const deviceKeptSeconds = 180 * 86_400;

export const signInRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { admin, context, url, secret, isHttps },
) => {
  const { db } = context;
  app.get<{ Querystring: { next?: unknown } }>(
    '/sign-in',
    { config: { isPublic: true } },
    async (request, reply) => {
      if (request.principal) return reply.redirect(url.local(request.query.next), 303);
      const next = textOf(request.query.next);
      return reply.page(
        'sign-in/new',
        signInData(admin.name, url, { next, notice: next === '' ? null : shellTexts.sessionOver }),
      );
    },
  );

  const devices = knownDevices(secret);
  const turns = new AccountTurns();
  const deviceCookieOptions = {
    path: url('/sign-in'),
    httpOnly: true,
    sameSite: 'lax',
    secure: isHttps,
    maxAge: deviceKeptSeconds,
  } as const;
  const accountOf = (request: FastifyRequest) =>
    normalEmail(textOf((request.body as Body | undefined)?.email)).slice(
      0,
      limits.signIn.emailLength,
    );
  const deviceOf = (request: FastifyRequest) =>
    devices.find(accountOf(request), request.cookies?.[deviceCookie]) ?? '';
  // A known browser has turns of its own, so that nobody who only knows the account takes them.
  const turnsOf = (request: FastifyRequest) => `${accountOf(request)} ${deviceOf(request)}`;

  async function takeTurn(request: FastifyRequest): Promise<void> {
    const waitMs = turns.take(turnsOf(request), Date.now());
    if (waitMs === null) throw tooMany();
    if (waitMs > 0) await sleep(waitMs);
  }

  const attempt = {
    bodyLimit: limits.form.sealedBytes,
    config: { isPublic: true, ...limitSignIn(deviceOf) },
    preHandler: [cameByHttps(isHttps), limitAddress(app, deviceOf), takeTurn],
  };
  app.post<{ Body: Body }>('/sign-in', attempt, async (request, reply) => {
    const { email, password, next, kept } = request.body ?? {};
    const user = await findByPassword(db, textOf(email), textOf(password));
    if (!user) {
      turns.failed(turnsOf(request), Date.now());
      const details = { email: accountOf(request) };
      await writeEntry(db.pages, db, { act: 'sign-in-failed', by: null, details });
      const data = signInData(admin.name, url, {
        email: textOf(email),
        next: textOf(next),
        kept: textOf(kept),
        error: shellTexts.wrongPassword,
      });
      return reply.code(422).page('sign-in/new', data);
    }
    turns.succeeded(turnsOf(request));
    await writeEntry(db.pages, db, { act: 'signed-in', by: user });
    await signIn(db, request, user);
    reply.setCookie(deviceCookie, devices.issue(accountOf(request)), deviceCookieOptions);
    // Makes the token now: the pages and polls that follow then have nothing to write.
    reply.generateCsrf();
    const form = await openForm(secret, kept);
    if (!form || !app.formOwners.isOwner(tokenIn(form), user.id))
      return reply.redirect(url.local(next), 303);
    request.principal = user;
    const unseen = await withSealedSecrets(form, context, url.prefix, {
      secret,
      principalId: user.id,
    });
    return reply.page('kept/show', keptData(unseen, keptTexts.afterSignIn, true));
  });

  app.post('/sign-out', { config: { isPublic: true } }, async (request, reply) => {
    const { user } = request.session;
    if (user) await writeEntry(db.pages, db, { act: 'signed-out', by: user });
    await request.session.destroy();
    return reply.redirect(url('/sign-in'), 303);
  });
};

/** Who did not come by HTTPS, as far as is said, would be given no session: no cookie of one is sent. */
export function cameByHttps(isHttps: boolean) {
  return async ({ protocol }: FastifyRequest): Promise<void> => {
    if (isHttps && protocol !== 'https')
      throw new AppError('csrf', 403, shellTexts.errors['not-https']);
  };
}

/** A new session id, so that one planted before is worth nothing. */
export async function signIn(
  users: Users,
  request: FastifyRequest,
  user: Principal,
): Promise<void> {
  await request.session.regenerate();
  request.session.startedAt = await databaseNow(users.pages);
  request.session.userId = user.id;
  request.session.from = {
    address: request.ip,
    browser: (request.headers['user-agent'] ?? '').slice(0, limits.signIn.browserLength),
  };
  request.session.passwordMark = await noteSignIn(users, user.id);
  request.session.user = user;
}
