import type { FastifyPluginAsync } from 'fastify';
import { notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { keyToUrl, parseKey } from '../../metadata/keys.ts';
import { listTaskChanges } from '../../operations/journal/history.ts';
import { titlesOf } from '../../selection/list.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { findResource } from '../tasks/task-filter.ts';
import { getNamed } from '../tasks/task-title.ts';
import { taskChangesData } from './task-changes.ts';

/**
 * The records that a task changed, each with what it was and is; a fixed number of statements,
 * whatever the task's size.
 */
export const taskChangesRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context, url },
) => {
  const { registry } = context;

  app.get<{ Params: { id: string }; Querystring: { _after?: unknown } }>(
    '/tasks/:id/changes',
    async (request, reply) => {
      const principal = principalOf(request);
      const task = await getNamed(context, principal, Number(request.params.id));
      const resource = findResource(registry, principal, task);
      if (!resource || resource.model.name !== task.model) throw notFound();
      const given = textsOf(request.query._after)[0] ?? '';
      const after = given === '' ? '' : parseKey(resource.model, given);
      const reads = await request.reads(resource.model.name);
      const { changes, next } = await listTaskChanges(reads.db, resource, task.id, {
        after,
        limit: limits.shown.changes,
      });
      const titles = await titlesOf(reads.registry, resource, principal, [
        ...new Set(changes.map(({ key }) => key)),
      ]);
      const data = await taskChangesData({
        registry: reads.registry,
        asOf: reads.asOf,
        resource,
        principal,
        task,
        changes,
        next: next === null ? null : keyToUrl(resource.model, next),
        titles,
        after: given,
        url,
      });
      return reply.page('task-changes/show', data);
    },
  );
};
