import type { FastifyPluginAsync } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError, notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { parseKey } from '../../metadata/keys.ts';
import { listDeleted, readChangedValue, readHistory } from '../../operations/journal/history.ts';
import { operationsOf } from '../../operations/operations.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import { readRecord } from '../../selection/record.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { titlesOfTasks } from '../tasks/task-title.ts';
import { deletedData, historyData } from './history.ts';
import { titleOf } from './record-form.ts';

type ForRecord = { Params: { resource: string; id: string }; Querystring: { before?: string } };
type ForValue = {
  Params: { resource: string; id: string; change: string; side: string; field: string };
};
type ForResource = { Params: { resource: string }; Querystring: { before?: string } };

/** What was done to a record, also to one that is gone. */
export const historyRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { registry } = context;

  app.get<ForRecord>('/:resource/:id/history', async (request, reply) => {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const key = parseKey(resource.model, request.params.id);
    const before = cursorOf(request.query.before, /^\d{1,18}$/);
    const reads = await request.reads(resource.model.name);
    const record = await recordOf(reads.registry, resource, principal, key);
    const page = await readHistory(reads.db, resource, key, before);
    if (!record && page.entries.length === 0) throw notFound();
    const title = record && titleOf(resource, record);
    const taskTitles = await titlesOfTasks(
      context,
      principal,
      page.entries.map(({ task }) => task?.id).filter((id) => id !== undefined),
    );
    const parts = {
      registry: reads.registry,
      asOf: reads.asOf,
      resource,
      principal,
      key,
      title,
      page,
      taskTitles,
      isFirst: before === null,
      url,
    };
    return reply.page('records/history', await historyData(parts));
  });

  /** All of a value that the history cuts off. */
  app.get<ForValue>('/:resource/:id/history/:change/:side/:field', async (request, reply) => {
    const { change, side, field: name } = request.params;
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const key = parseKey(resource.model, request.params.id);
    const reads = await request.reads(resource.model.name);
    await recordOf(reads.registry, resource, principal, key);
    const field = resource.fields.find((one) => one.name === name);
    if (!field || !/^\d{1,18}$/.test(change) || (side !== 'before' && side !== 'after'))
      throw notFound();
    const value = await readChangedValue(reads.db, resource, key, change, field, side);
    if (value === null) throw notFound();
    return reply.type('text/plain; charset=utf-8').send(value);
  });

  app.get<ForResource>('/:resource/deleted', async (request, reply) => {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const reads = await request.reads(resource.model.name);
    const found = await listDeleted(
      reads.db,
      resource,
      principal,
      cursorOf(request.query.before, /^\d{1,18}-\d{1,9}$/),
      operationsOf(resource)
        .filter(({ action }) => action === 'bulk-delete')
        .map(({ kind }) => kind),
    );
    const keys = found.records.map(({ key }) => key);
    // An undone delete is none.
    const there = await titlesOf(reads.registry, resource, principal, keys);
    const records = found.records.filter(({ key }) => !there.has(key));
    return reply.page(
      'records/deleted',
      deletedData(
        { registry: reads.registry, asOf: reads.asOf, resource, principal, url },
        { ...found, records },
      ),
    );
  });

  /** Null: it is gone. */
  function recordOf(
    reading: ResourceRegistry,
    resource: Resource,
    principal: Principal,
    key: string,
  ) {
    return readRecord(reading, resource, principal, key, []).catch((error) => {
      // A scope cannot be asked about what is not there, so only who sees every record sees what is
      // gone.
      if (error instanceof AppError && error.status === 404 && resource.scope(principal) === null)
        return null;
      throw error;
    });
  }
};

function cursorOf(given: unknown, pattern: RegExp): string | null {
  const text = textsOf(given).at(-1) ?? '';
  if (text === '') return null;
  if (!pattern.test(text))
    throw new AppError('invalid-page', 422, 'There is no such page.', { field: 'before' });
  return text;
}
