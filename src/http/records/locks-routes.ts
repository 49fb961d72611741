import type { FastifyPluginAsync } from 'fastify';
import { AppError } from '../../errors.ts';
import { parseKey } from '../../metadata/keys.ts';
import { readRecord } from '../../selection/record.ts';
import { getHoldingTask } from '../../tasks/looking/queries.ts';
import { seesTask } from '../../tasks/who-sees.ts';
import { isHtmx, principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { signInHref } from '../sign-in-href.ts';
import { stopPolling } from '../stop-polling.ts';
import { signInLink } from '../tasks/progress.ts';
import { named } from '../tasks/task-title.ts';
import { recordPath } from './record-form.ts';
import { freeData, recordGone, signedOutOfLock, waitingData } from './record-lock.ts';

/**
 * How far the task is that holds a record, for whoever waits for the record; it polls the lock, not
 * the task.
 */
export const lockRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry } = context;

  // Signed out ends a poll like anything else, so the guard lets it through.
  app.get<{ Params: { resource: string; id: string } }>(
    '/:resource/:id/lock',
    { config: { isPublic: true, isPolled: true } },
    async (request, reply) => {
      const { id } = request.params;
      try {
        const principal = principalOf(request);
        const resource = registry.for(principal, request.params.resource);
        const key = parseKey(resource.model, id);
        await readRecord(registry, resource, principal, key, []);
        const about = { resource, key, url };
        if (!isHtmx(request)) return reply.redirect(url(`${recordPath(resource, key)}/edit`), 303);
        const task = await getHoldingTask(db, resource.model.name, key);
        if (!task) return reply.code(stopPolling).page('tasks/_ended', freeData(about));
        const isSeen = seesTask(context, principal, task);
        const [shown = task] = isSeen ? await named(context, principal, [task]) : [];
        return reply.page('tasks/_progress', waitingData(about, shown, isSeen, new Date()));
      } catch (error) {
        if (!isHtmx(request) || !(error instanceof AppError)) throw error;
        const ended =
          error.status === 401
            ? signedOutOfLock(signInLink(signInHref(context.people, url)))
            : recordGone(error.message);
        return reply.code(stopPolling).page('tasks/_ended', ended);
      }
    },
  );
};
