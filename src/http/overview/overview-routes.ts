import type { FastifyPluginAsync } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { readerOf } from '../../fields/reader.ts';
import { readFailuresInTime } from '../../tasks/looking/failures-in-time.ts';
import { readLately } from '../../tasks/looking/lately.ts';
import { listQueues } from '../../tasks/looking/list-queues.ts';
import { listEveryWorker } from '../../tasks/looking/list-workers.ts';
import { listProcesses, type RunningProcess } from '../../tasks/looking/processes.ts';
import { listTasksById } from '../../tasks/looking/queries.ts';
import { readUnderWay } from '../../tasks/looking/under-way.ts';
import { readUnseenTo } from '../../tasks/looking/unseen-to.ts';
import { seesSchedules } from '../../tasks/schedules/control-schedules.ts';
import { listSchedules } from '../../tasks/schedules/list-schedules.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { named, titlesOfTasks } from '../tasks/task-title.ts';
import type { OperatorParts } from './operator-parts.ts';
import { overviewData } from './overview.ts';
import { boundsOf, columnsOf, lastHours, parseLookBack } from './stretches.ts';

/** How tasks fare: of those that one sees; workers and schedules for those who see every task. */
export const overviewRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry, settings } = context;

  app.get<{ Querystring: { of?: unknown } }>('/tasks/overview', async (request, reply) => {
    const principal = principalOf(request);
    const lookBack = parseLookBack(request.query.of);
    const now = new Date();
    const { timeZone } = readerOf(principal);
    const [hours, columns] = [lastHours(now, timeZone), columnsOf(lookBack, now, timeZone)];
    const since = (columns[0] as (typeof columns)[number]).from.toJSDate();
    const seesAll = seesSchedules(context, principal);
    const reads = await request.reads(null);
    const reading = { ...context, db: reads.db };
    const [{ groups, oldest }, lately, failures, unseenTo, operator] = await Promise.all([
      readUnderWay(context, principal),
      readLately(reading, principal, { bounds: boundsOf(hours), since }),
      readFailuresInTime(reading, principal, { bounds: boundsOf(columns) }),
      readUnseenTo(context, principal, { seesAll, max: settings.countLimit }),
      seesAll ? readOperatorParts(principal) : null,
    ]);
    if (wantsJson(request))
      return {
        ...{ underWay: groups, oldest, unseenTo, failures },
        ...{ hours: hoursJson(hours, lately.stretches), kinds: lately.kinds },
        ...(operator && {
          ...{ queues: operator.queues, workers: operator.workers },
          processes: operator.processes.map(processJson),
          schedules: operator.schedules,
        }),
      };
    const waiting = await listTasksById(
      context,
      principal,
      oldest.map(({ id }) => id),
    );
    return reply.page(
      'overview/index',
      await overviewData({
        ...{ now, url, registry, principal, lookBack, hours, columns },
        ...{ underWay: groups, lately, failures, unseenTo, operator },
        ...{ oldest, waiting: await named(context, principal, waiting) },
        queuedWarnMs: settings.queuedWarnMs,
        ...{ countLimit: settings.countLimit, chartsAsOf: reads.asOf },
        isBackground: settings.background,
      }),
    );
  });

  async function readOperatorParts(principal: Principal): Promise<OperatorParts> {
    const [queues, workers, processes, schedules] = await Promise.all([
      listQueues(context),
      listEveryWorker(db, settings.recoveryIntervalMs),
      listProcesses(db),
      listSchedules(context, principal),
    ]);
    const titles = await titlesOfTasks(
      context,
      principal,
      workers.flatMap(({ taskIds }) => taskIds),
    );
    return { queues, workers, processes, schedules, titles };
  }
};

function processJson({ settings: _, ...process }: RunningProcess): object {
  return process;
}

function hoursJson(
  hours: ReturnType<typeof lastHours>,
  stretches: Awaited<ReturnType<typeof readLately>>['stretches'],
): object[] {
  return stretches.map((stretch, place) => ({ from: hours[place]?.from.toJSDate(), ...stretch }));
}
