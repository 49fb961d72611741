import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { findByPassword } from '../../auth/sign-in.ts';
import { signInData } from '../pages/sign-in.ts';
import { limitAddress, limitSignIn } from '../plugins/rate-limit.ts';
import type { RouteOptions } from '../routes.ts';
import { texts } from '../texts.ts';

type Body = Record<string, unknown>;
const textOf = (value: unknown) => (typeof value === 'string' ? value : '');

export const signInRoutes: FastifyPluginAsync<RouteOptions> = async (app, { admin, context: { db }, url }) => {
  app.get<{ Querystring: { next?: unknown } }>('/sign-in', { config: { isPublic: true } }, async (request, reply) => {
    if (request.principal) return reply.redirect(url.local(request.query.next), 303);
    const next = textOf(request.query.next);
    return reply.page('sign-in/new', signInData(admin.name, url, { next, notice: next === '' ? null : texts.shell.sessionOver }));
  });

  const attempt = { config: { isPublic: true, ...limitSignIn }, preHandler: limitAddress(app) };
  app.post<{ Body: Body }>('/sign-in', attempt, async (request, reply) => {
    const { email, password, next } = request.body ?? {};
    const user = await findByPassword(db, textOf(email), textOf(password));
    if (!user) {
      const data = signInData(admin.name, url, { email: textOf(email), next: textOf(next), error: texts.shell.wrongPassword });
      return reply.code(422).page('sign-in/new', data);
    }
    await signIn(request, user);
    // Makes the token now: the pages and polls that follow then have nothing to write.
    reply.generateCsrf();
    return reply.redirect(url.local(next), 303);
  });

  app.post('/sign-out', { config: { isPublic: true } }, async (request, reply) => {
    await request.session.destroy();
    return reply.redirect(url('/sign-in'), 303);
  });
};

/** A new session id, so that one planted before is worth nothing. */
export async function signIn(request: FastifyRequest, user: Principal): Promise<void> {
  await request.session.regenerate();
  request.session.startedAt = Date.now();
  request.session.userId = user.id;
  request.session.user = user;
}
