import type { FastifyPluginAsync } from 'fastify';
import { listTasks } from '../../tasks/looking/find-tasks.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { named } from '../tasks/task-title.ts';
import { homeData } from './home.ts';

const tasksShown = 5;

export const homeRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { admin, context, pages, url },
) => {
  const { db, registry } = context;
  app.get('/', async (request, reply) => {
    const principal = principalOf(request);
    const latest = await listTasks(context, principal, { page: 1, size: tasksShown });
    const tasks = await named(context, principal, latest.tasks);
    return reply.page(
      'home/show',
      await homeData({
        name: admin.name,
        db,
        registry,
        pages,
        principal,
        tasks,
        url,
        now: new Date(),
      }),
    );
  });
};
