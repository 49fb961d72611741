import type { FastifyPluginAsync } from 'fastify';
import { createFirstAdmin, isFirstAdminToken, linkUsed } from '../../auth/first-admin.ts';
import { AppError } from '../../errors.ts';
import type { Body } from '../form.ts';
import { limitAddress } from '../plugins/rate-limit.ts';
import type { RouteOptions } from '../route-options.ts';
import { shellTexts } from '../shell/shell-texts.ts';
import { firstAdminData } from '../shell/sign-in.ts';
import { cameByHttps, signIn } from './sign-in-routes.ts';

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
const open = { config: { isPublic: true } };

export const firstAdminRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context: { db }, url, isHttps },
) => {
  app.get<{ Querystring: { token?: unknown } }>('/first-admin', open, async (request, reply) => {
    const token = textOf(request.query.token);
    if (!(await isFirstAdminToken(db, token))) throw linkUsed();
    return reply.page('first-admin/new', firstAdminData(url, token, {}));
  });

  app.post<{ Body: Body }>(
    '/first-admin',
    { ...open, preHandler: [cameByHttps(isHttps), limitAddress(app)] },
    async (request, reply) => {
      const body = request.body ?? {};
      const user = {
        email: textOf(body.email),
        name: textOf(body.name),
        password: textOf(body.password),
      };
      const token = textOf(body.token);
      try {
        await signIn(db, request, await createFirstAdmin(db, token, user));
      } catch (error) {
        if (!(error instanceof AppError && error.details.fieldErrors)) throw error;
        const errors = error.details.fieldErrors;
        return reply
          .code(error.status)
          .page('first-admin/new', firstAdminData(url, token, { ...user, errors }));
      }
      reply.generateCsrf();
      reply.flash('success', shellTexts.welcome(user.name.trim()));
      return reply.redirect(url('/'), 303);
    },
  );
};
