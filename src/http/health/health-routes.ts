import type { FastifyPluginAsync } from 'fastify';
import { notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { readHealthReport } from '../../health/health-report.ts';
import { operates } from '../../tasks/who-sees.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { healthData } from './health.ts';

/** What is wrong and what to do, for admins who see every task: it looks again by itself. */
export const healthPageRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  app.get('/tasks/health', { config: { isPolled: true } }, async (request, reply) => {
    const principal = principalOf(request);
    if (!operates(context, principal)) throw notFound();
    const report = await readHealthReport(context);
    if (wantsJson(request)) return report;
    const { timeZone } = readerOf(principal);
    return reply.page('health/show', healthData(report, { now: new Date(), timeZone, url }));
  });
};
