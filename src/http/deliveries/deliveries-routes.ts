import type { FastifyPluginAsync } from 'fastify';
import { listDeliveries, sendAgain } from '../../channels/deliveries.ts';
import { notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import { isTaskId } from '../../tasks/looking/queries.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { deliveriesData } from './deliveries.ts';
import { deliveryTexts } from './deliveries-texts.ts';

type OfTask = { Querystring: { task?: string } };

/** What channels have sent, for those who see every task. */
export const deliveriesRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  app.get<OfTask>('/tasks/deliveries', async (request, reply) => {
    const principal = principalOf(request);
    const taskId = readTaskId(request.query.task);
    const records = await listDeliveries(context, principal, {
      taskId,
      limit: limits.shown.tasks,
    });
    if (wantsJson(request)) return { deliveries: records };
    const { timeZone } = readerOf(principal);
    return reply.page(
      'deliveries/index',
      deliveriesData(records, { taskId, now: new Date(), timeZone, url }),
    );
  });

  app.post<{ Params: { id: string } } & OfTask>(
    '/tasks/deliveries/:id/sending',
    async (request, reply) => {
      const id = Number(request.params.id);
      const taskId = readTaskId(request.query.task);
      if (!Number.isSafeInteger(id)) throw notFound();
      await sendAgain(context, principalOf(request), id);
      if (wantsJson(request)) return { id };
      const back = taskId === null ? '/tasks/deliveries' : `/tasks/deliveries?task=${taskId}`;
      return reply.flash('info', deliveryTexts.isSent).redirect(url(back), 303);
    },
  );
};

/** Null: those of every task. */
function readTaskId(given: unknown): number | null {
  if (given === undefined) return null;
  const id = Number(given);
  if (!isTaskId(id)) throw notFound();
  return id;
}
