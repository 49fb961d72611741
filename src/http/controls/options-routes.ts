import type { FastifyPluginAsync } from 'fastify';
import { notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { parseKey } from '../../metadata/keys.ts';
import { relationTarget, searchRelated } from '../../selection/related.ts';
import { isHtmx, principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { optionsData } from './options.ts';

type ForField = {
  Params: { resource: string; field: string };
  Querystring: { q?: string; as?: string; made?: string; _back?: string };
};

/**
 * What a relation may lead to: the list of a picker for htmx and scripts, else a page to filter by
 * one of them.
 */
export const optionsRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { registry } = context;

  app.get<ForField>('/:resource/options/:field', async (request, reply) => {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const field = resource.fields.find(({ name }) => name === request.params.field);
    // A list is filtered by natural ids; a form sends what the foreign key holds.
    const holds = request.query.as === 'id' || !isHtmx(request) ? 'id' : 'value';
    const target = field && relationTarget(resource, field, holds);
    if (!field || !target) throw notFound();
    const search = textsOf(request.query.q)[0] ?? '';
    const made = textsOf(request.query.made)[0];
    const only = made === undefined ? null : parseKey(target.resource.model, made);
    const reads = await request.reads(target.resource.model.name);
    const sources = { registry: reads.registry, sql: reads.db.pages };
    const found = await searchRelated(sources, target, principal, search, {
      only,
    });
    const back = textsOf(request.query._back)[0] ?? '';
    return reply.page(
      'records/options',
      optionsData({
        resource,
        field,
        targetLabel: target.resource.label,
        search,
        found,
        back,
        url,
      }),
    );
  });
};
