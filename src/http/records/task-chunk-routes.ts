import type { FastifyPluginAsync } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { keyToUrl, parseKey } from '../../metadata/keys.ts';
import { listTaskChanges } from '../../operations/journal/history.ts';
import type { Resource } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import { type ChunkFound, findChunk } from '../../tasks/looking/chunk-map.ts';
import { listFailedRecords } from '../../tasks/looking/failed-records.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { findResource } from '../tasks/task-filter.ts';
import { getNamed, type NamedTask } from '../tasks/task-title.ts';
import { type TaskChangesData, taskChangesData } from './task-changes.ts';
import { taskChunkData } from './task-chunk.ts';

type OfChunk = {
  Params: { id: string; number: string };
  Querystring: { _after?: unknown };
};

/** What a cell of a task's map leads to: the records that failed and that were changed there. */
export const taskChunkRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry } = context;

  app.get<OfChunk>('/tasks/:id/chunks/:number', async (request, reply) => {
    const principal = principalOf(request);
    const task = await getNamed(context, principal, Number(request.params.id));
    const number = /^\d{1,9}$/.test(request.params.number) ? Number(request.params.number) : -1;
    const chunk = await findChunk(db, task.id, number);
    if (!chunk) throw notFound();
    const found = findResource(registry, principal, task);
    const resource = found?.model.name === task.model ? found : null;
    const failed = await listFailedRecords(db, task.id, {
      code: null,
      after: '',
      limit: limits.shown.failures + 1,
      chunk: number,
    });
    const keys = [...new Set(failed.map(({ key }) => key))];
    const titles =
      resource && keys.length > 0
        ? await titlesOf(registry, resource, principal, keys)
        : new Map<string, string>();
    const given = textsOf(request.query._after)[0] ?? '';
    const changes = resource && (await changesOf(principal, { task, chunk, resource, given }));
    return reply.page(
      'task-chunk/show',
      taskChunkData({ task, chunk, resource, failed, titles, changes, url }),
    );
  });

  async function changesOf(
    principal: Principal,
    {
      task,
      chunk,
      resource,
      given,
    }: { task: NamedTask; chunk: ChunkFound; resource: Resource; given: string },
  ): Promise<TaskChangesData | null> {
    const after = given === '' ? chunk.lastKeyBefore : parseKey(resource.model, given);
    const { changes, next } = await listTaskChanges(db, resource, task.id, {
      after,
      until: chunk.lastKey,
      limit: limits.shown.changes,
    });
    const keys = [...new Set(changes.map(({ key }) => key))];
    return taskChangesData({
      registry,
      asOf: null,
      resource,
      principal,
      task,
      changes,
      next: next === null ? null : keyToUrl(resource.model, next),
      titles: keys.length > 0 ? await titlesOf(registry, resource, principal, keys) : new Map(),
      after: given,
      base: `/tasks/${task.id}/chunks/${chunk.number}`,
      url,
    });
  }
};
