import type { FastifyPluginAsync } from 'fastify';
import type { Query } from '../list-address.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { filterOutcome } from './filter.ts';

type ForResource = { Params: { resource: string }; Querystring: Query };

/** The page that makes a filter. It only leads to a list's address, so all of it is read. */
export const filterRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context: { registry }, url },
) => {
  app.get<ForResource>('/:resource/filter', async (request, reply) => {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const outcome = await filterOutcome({ registry, resource, principal, url }, request.query);
    if ('path' in outcome) return reply.redirect(url(outcome.path), 303);
    return reply.code(outcome.status).page('filter/edit', outcome.data);
  });
};
