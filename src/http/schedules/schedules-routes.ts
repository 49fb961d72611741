import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import {
  pauseSchedule,
  resumeSchedule,
  runSchedule,
  seesSchedules,
} from '../../tasks/schedules/control-schedules.ts';
import { listSchedules } from '../../tasks/schedules/list-schedules.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { schedulesData } from './schedules.ts';
import { scheduleTexts } from './schedules-texts.ts';

type Named = { Params: { name: string } };

/** What runs at its times, for those who see every task. */
export const schedulesRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  app.get('/tasks/schedules', async (request, reply) => {
    const principal = principalOf(request);
    if (!seesSchedules(context, principal)) throw notFound();
    const schedules = await listSchedules(context, principal);
    if (wantsJson(request)) return { schedules };
    const { timeZone } = readerOf(principal);
    return reply.page(
      'schedules/index',
      schedulesData(schedules, {
        now: new Date(),
        timeZone,
        url,
        areFollowed: context.settings.background,
      }),
    );
  });

  app.post<Named>('/tasks/schedules/:name/run', async (request, reply) => {
    const { name } = request.params;
    await runSchedule(context, principalOf(request), name);
    return done(request, reply, scheduleTexts.isDue(name));
  });

  app.post<Named>('/tasks/schedules/:name/pause', async (request, reply) => {
    const { name } = request.params;
    await pauseSchedule(context, principalOf(request), name);
    return done(request, reply, scheduleTexts.isPaused(name));
  });

  app.post<Named>('/tasks/schedules/:name/resumption', async (request, reply) => {
    const { name } = request.params;
    await resumeSchedule(context, principalOf(request), name);
    return done(request, reply, scheduleTexts.isResumed(name));
  });

  async function done(
    request: FastifyRequest<Named>,
    reply: FastifyReply,
    message: string,
  ): Promise<unknown> {
    if (!wantsJson(request))
      return reply.flash('info', message).redirect(url('/tasks/schedules'), 303);
    const all = await listSchedules(context, principalOf(request));
    return { message, schedule: all.find(({ name }) => name === request.params.name) };
  }
};
