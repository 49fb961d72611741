import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { transaction } from '../../db/transaction.ts';
import { AppError, notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits, limitTexts } from '../../limits.ts';
import { quietWorker, resumeWorker, stopWorker } from '../../tasks/control/ask-worker.ts';
import { pauseQueue, resumeQueue } from '../../tasks/control/pause-queue.ts';
import { listQueues } from '../../tasks/looking/list-queues.ts';
import { listEveryWorker, type WorkerInfo } from '../../tasks/looking/list-workers.ts';
import { isReason } from '../../tasks/run-options.ts';
import { assertOperates } from '../../tasks/who-sees.ts';
import type { Body } from '../form.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { controlConfirm, workerName } from './control.ts';
import { controlTexts } from './control-texts.ts';

type Named = { Params: { name: string } };
type WithId = { Params: { id: string } };

/** What admins do to queues and workers. */
export const controlRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, settings } = context;

  app.get<Named>('/tasks/queues/:name/pause', async (request, reply) => {
    const { name } = request.params;
    assertOperates(context, principalOf(request));
    const queue = (await listQueues(context)).find((one) => one.name === name);
    if (!queue) throw notFound();
    if (queue.pausedAt !== null) return back(reply, controlTexts.isPaused(name));
    const path = `/tasks/queues/${encodeURIComponent(name)}/pause`;
    const { reasonLength } = limits.bulk;
    return reply.page(
      'overview/confirm',
      controlConfirm('pause', { name, path, url, reasonLength }),
    );
  });

  app.post<Named>('/tasks/queues/:name/pause', async (request, reply) => {
    const { name } = request.params;
    const [given = ''] = textsOf(((request.body ?? {}) as Body).reason);
    const reason = given.trim();
    if (!isReason(reason))
      throw new AppError('invalid-operation', 422, limitTexts.reason, {
        fieldErrors: { reason: limitTexts.reason },
      });
    await transaction(db.pages, (client) =>
      pauseQueue(client, context, principalOf(request), name, reason || null),
    );
    return done(request, reply, controlTexts.done.paused(name));
  });

  app.post<Named>('/tasks/queues/:name/resumption', async (request, reply) => {
    const { name } = request.params;
    await transaction(db.pages, (client) =>
      resumeQueue(client, context, principalOf(request), name),
    );
    return done(request, reply, controlTexts.done.resumed(name));
  });

  const asked = { quiet: quietWorker, stop: stopWorker };
  for (const [act, ask] of Object.entries(asked) as [keyof typeof asked, typeof quietWorker][]) {
    app.get<WithId>(`/tasks/workers/:id/${act}`, async (request, reply) => {
      assertOperates(context, principalOf(request));
      const { worker, others } = await findWorker(request.params.id);
      const name = workerName(worker);
      if (!worker.isAlive) throw notFound();
      if (worker.asked === act || worker.asked === 'stop')
        return back(reply, controlTexts.isAsked(name));
      const isLast = !others.some((one) => one.isAlive && one.asked === null);
      const path = `/tasks/workers/${worker.id}/${act}`;
      return reply.page('overview/confirm', controlConfirm(act, { name, path, url, isLast }));
    });

    app.post<WithId>(`/tasks/workers/:id/${act}`, (request, reply) =>
      sendAsked(request, reply, ask, controlTexts.done[act]),
    );
  }

  app.post<WithId>('/tasks/workers/:id/resumption', (request, reply) =>
    sendAsked(request, reply, resumeWorker, controlTexts.done.goOn),
  );

  async function sendAsked(
    request: FastifyRequest<WithId>,
    reply: FastifyReply,
    ask: typeof quietWorker,
    said: (name: string) => string,
  ): Promise<unknown> {
    const { id } = request.params;
    assertOperates(context, principalOf(request));
    // One that is asked to stop may be gone before it is named.
    const { worker } = await findWorker(id);
    await transaction(db.pages, (client) => ask(client, context, principalOf(request), id));
    return done(request, reply, said(workerName(worker)));
  }

  async function findWorker(id: string): Promise<{ worker: WorkerInfo; others: WorkerInfo[] }> {
    const all = await listEveryWorker(db, settings.recoveryIntervalMs);
    const worker = all.find((one) => one.id === id);
    if (!worker) throw notFound();
    return { worker, others: all.filter((one) => one !== worker) };
  }

  function done(request: FastifyRequest, reply: FastifyReply, message: string): unknown {
    if (wantsJson(request)) return { message };
    return back(reply, message);
  }

  function back(reply: FastifyReply, message: string): FastifyReply {
    return reply.flash('info', message).redirect(url('/tasks/overview'), 303);
  }
};
