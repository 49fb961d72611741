import type { FastifyPluginAsync } from 'fastify';
import { AppError } from '../../errors.ts';
import { parseKey } from '../../metadata/keys.ts';
import { readRecord } from '../../selection/record.ts';
import { getHoldingTask } from '../../tasks/looking/queries.ts';
import { seesTask } from '../../tasks/who-sees.ts';
import { isHtmx, principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { type EndedData, progressData, signedOutData } from '../tasks/progress.ts';
import { named } from '../tasks/task-title.ts';
import { recordPath } from './record-form.ts';
import { recordTexts } from './records-texts.ts';

/** htmx stops a poll when it swaps an answer of this status. */
const stopPolling = 286;
const elementId = 'record-lock-progress';

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
        const again = url(`${recordPath(resource, key)}/edit`);
        if (!isHtmx(request)) return reply.redirect(again, 303);
        const task = await getHoldingTask(db, resource.model.name, key);
        if (!task)
          return reply
            .code(stopPolling)
            .page('tasks/_ended', freeData({ href: again, label: recordTexts.tryAgain }));
        const isVisible = seesTask(context, principal, task);
        const [shown = task] = isVisible ? await named(context, principal, [task]) : [];
        const progress = progressData(shown, { now: new Date(), url, reader: resource.reader });
        return reply.page('tasks/_progress', {
          ...progress,
          elementId,
          pollUrl: url(`${recordPath(resource, key)}/lock`),
          caption: isVisible ? progress.caption : null,
          taskUrl: isVisible ? progress.taskUrl : null,
          canCancel: isVisible && progress.canCancel,
        });
      } catch (error) {
        if (!isHtmx(request) || !(error instanceof AppError)) throw error;
        reply.code(stopPolling);
        if (error.status === 401) {
          const isSignInOurs = context.people.isOurs;
          const ended = signedOutData(id, { url, place: 'page', isSignInOurs });
          return reply.page('tasks/_ended', { ...ended, elementId });
        }
        return reply.page('tasks/_ended', {
          ...freeData(null),
          kind: 'gone',
          heading: error.message,
          note: '',
        });
      }
    },
  );
};

function freeData(link: EndedData['link']): EndedData {
  return {
    elementId,
    kind: 'free',
    heading: recordTexts.freeHeading,
    note: recordTexts.freeNote,
    badge: null,
    bar: null,
    counts: [],
    link,
    undo: null,
  };
}
