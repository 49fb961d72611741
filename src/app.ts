import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import type { AdminDefinition } from './admin-definition.ts';
import { sessionSecret } from './auth/session-secret.ts';
import { checkExtensions, viewFolderOf } from './check-extensions.ts';
import type { Config } from './config.ts';
import { taskManagerOf } from './create-task-manager.ts';
import { createReadiness } from './health/readiness.ts';
import { hostRequestOf } from './http/host-request.ts';
import { compression } from './http/plugins/compress.ts';
import { answerClientError, connections } from './http/plugins/connections.ts';
import { cookieParser } from './http/plugins/cookie.ts';
import { csrfProtection } from './http/plugins/csrf.ts';
import { handleErrors } from './http/plugins/errors.ts';
import { forms } from './http/plugins/formbody.ts';
import { guard } from './http/plugins/guard.ts';
import { healthRoutes } from './http/plugins/health.ts';
import { hostRequests } from './http/plugins/host.ts';
import { measured } from './http/plugins/measure.ts';
import { origins } from './http/plugins/origin.ts';
import { overload, retryAfter } from './http/plugins/overload.ts';
import { page } from './http/plugins/page.ts';
import { rateLimits } from './http/plugins/rate-limit.ts';
import { reads } from './http/plugins/reads.ts';
import { requestIds } from './http/plugins/request-ids.ts';
import { requestLimits } from './http/plugins/request-limits.ts';
import { requestSpans } from './http/plugins/request-spans.ts';
import { security } from './http/plugins/security.ts';
import { sessions } from './http/plugins/session.ts';
import { signedCookies } from './http/plugins/signed-cookies.ts';
import { staticFiles } from './http/plugins/static-files.ts';
import { timeZones } from './http/plugins/time-zone.ts';
import { unseenMessages } from './http/plugins/unseen.ts';
import { views } from './http/plugins/views.ts';
import { ownSignIn, routes } from './http/routes.ts';
import { RequestLines, serverLog } from './http/server-log.ts';
import { createUrl } from './http/url.ts';
import { limits } from './limits.ts';
import type {} from './mounts.ts';
import { ownFilesOf } from './own-look.ts';
import { ownPages } from './pages/own-pages.ts';
import type { TaskContext } from './tasks/context.ts';

export interface AppOptions {
  admin: AdminDefinition;
  config: Config;
  context: TaskContext;
  /** Requests are those of an app that it is mounted in, which logs them. */
  isMounted?: boolean;
  /** Told of every route as it is added. */
  onRoute?: (route: RouteOptions) => void;
}

/**
 * The web application, ready to be listened on or injected into. The caller closes the database.
 */
export async function buildApp({
  admin,
  config,
  context,
  isMounted = false,
  onRoute,
}: AppOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    loggerInstance: serverLog(context.log),
    logController: new RequestLines(isMounted),
    genReqId: (raw: IncomingMessage) => idOfHost(hostRequestOf(raw)?.id) ?? randomUUID(),
    // Secure cookies mean that something in front of us speaks HTTPS and says who asked: that one
    // alone is believed, not what a client had said to it.
    trustProxy: config.BULKHEAD_SECURE_COOKIES
      ? (_address: string, hop: number) => hop === 0
      : false,
    // The parser refuses what reaches its bound.
    http: { maxHeaderSize: limits.server.headerBytes + 1 },
    clientErrorHandler: answerClientError,
    connectionTimeout: limits.server.silentMs,
    requestTimeout: limits.server.silentMs,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000 },
  });
  const prefix = config.BULKHEAD_PREFIX;
  const isReloaded = config.BULKHEAD_RELOAD_VIEWS;
  const { db, registry, log } = context;
  checkExtensions(admin, registry);
  const own = ownFilesOf(admin);
  const url = createUrl(prefix, { isReloaded, own });
  const ownOnes = ownPages(admin.pages ?? [], (message, details) => log('error', message, details));

  const tasks = taskManagerOf(admin, context);
  app.decorate('bulkhead', { tasks, at: () => ({ tasks }) });
  if (onRoute) app.addHook('onRoute', onRoute);
  await app.register(measured, { meters: context.meters });
  await app.register(requestIds);
  if (context.around) await app.register(requestSpans, { around: context.around });
  await app.register(hostRequests);
  await app.register(retryAfter);
  await app.register(connections);
  await app.register(security, { isHttps: config.BULKHEAD_SECURE_COOKIES });
  await app.register(compression);
  await app.register(staticFiles, { prefix, url, own });
  if (prefix !== '' && !isMounted) sayPrefix(app, prefix);
  const readiness = createReadiness(context);
  app.addHook('preClose', () => readiness.end());
  const token = config.BULKHEAD_PROBE_TOKEN ?? null;
  await app.register(healthRoutes, { prefix, readiness, meters: context.meters, token });
  await app.register(
    async (pages) => {
      await pages.register(overload);
      await pages.register(cookieParser);
      await pages.register(forms);
      await pages.register(views, { url, isReloaded, folder: viewFolderOf(admin) });
      await pages.register(page, { admin, registry, pages: ownOnes, url });
      const secret = await sessionSecret(config);
      handleErrors(pages, {
        name: admin.name,
        url,
        secret,
        context,
        isHttps: config.BULKHEAD_SECURE_COOKIES,
      });
      const { isOurs } = context.people;
      const cookies = {
        secret,
        path: prefix === '' ? '/' : prefix,
        isHttps: config.BULKHEAD_SECURE_COOKIES,
      };
      if (isOurs) await pages.register(sessions, { db, config, secret });
      await pages.register(requestLimits);
      await pages.register(guard, { people: context.people });
      await pages.register(unseenMessages, { context });
      await pages.register(isOurs ? csrfProtection : signedCookies, cookies);
      await pages.register(reads, {
        ...{ context, isHttps: cookies.isHttps },
        path: cookies.path,
      });
      await pages.register(timeZones);
      await pages.register(origins);
      await pages.register(rateLimits);
      for (const route of [...(isOurs ? ownSignIn : []), ...routes])
        await pages.register(route, {
          admin,
          context,
          pages: ownOnes,
          url,
          secret,
          isHttps: config.BULKHEAD_SECURE_COOKIES,
        });
    },
    { prefix },
  );
  return app;
}

/** Whoever asks beside the prefix most likely has a proxy in front that takes it away. */
function sayPrefix(app: FastifyInstance, prefix: string): void {
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .type('text/plain; charset=utf-8')
      .send(
        `Nothing is here: every page is below ${prefix} (BULKHEAD_PREFIX), and a proxy in front is to leave the path as it is.\n`,
      ),
  );
}

/** It is kept with tasks: what no column holds is left out of it. */
function idOfHost(id: string | undefined): string | undefined {
  return id?.replace(/[^\x20-\x7e]/g, '').slice(0, limits.shown.cellLength) || undefined;
}
