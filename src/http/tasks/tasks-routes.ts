import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { seesDeliveries } from '../../channels/deliveries.ts';
import { hasMessages, readMessagesOf } from '../../channels/messages.ts';
import { choosableChannels } from '../../channels/preferences.ts';
import { AppError } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { readDateSpan } from '../../fields/timestamp.ts';
import { textsOf } from '../../form-texts.ts';
import { cancel } from '../../tasks/control/cancel.ts';
import { pause, resume } from '../../tasks/control/pause.ts';
import { reschedule } from '../../tasks/control/reschedule.ts';
import { buttonsAt } from '../../tasks/launching/launch-buttons.ts';
import { listMapCells } from '../../tasks/looking/chunk-map.ts';
import { countTasks } from '../../tasks/looking/find-tasks.ts';
import { listWorkers } from '../../tasks/looking/list-workers.ts';
import {
  listChunks,
  listEvents,
  listFailures,
  listRunning,
  listUntold,
} from '../../tasks/looking/queries.ts';
import { readRawRow, seesRows } from '../../tasks/looking/raw-row.ts';
import {
  isFiltered,
  namedSearch,
  parseTasksQuery,
  readTaskSearch,
  type TasksQuery,
} from '../../tasks/looking/tasks-query.ts';
import { queryOf } from '../../tasks/matching/matching-acts.ts';
import { canActOnMatching } from '../../tasks/matching/preview-matching.ts';
import { seesSchedules } from '../../tasks/schedules/control-schedules.ts';
import { isFinished } from '../../tasks/states.ts';
import { tasksSeen } from '../../tasks/who-sees.ts';
import type { Body } from '../form.ts';
import { formatTimestamp } from '../format.ts';
import { headerJson, isHtmx, principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { signInHref } from '../sign-in-href.ts';
import { stopPolling } from '../stop-polling.ts';
import { dashboardFilter } from './dashboard-filter.ts';
import { dueTimeTexts } from './due-time-texts.ts';
import { embeddedData } from './embedded.ts';
import { readKeptPreviewData } from './kept-preview.ts';
import { readMatched } from './matched.ts';
import { type MatchingLinks, matchingInWords, matchingLinks } from './matching.ts';
import { readOwnParts } from './own-details.ts';
import { parametersInWords, plainParameters } from './parameters.ts';
import {
  finishedData,
  finishedEvents,
  goneData,
  hasMoved,
  movedEvents,
  type ProgressPlace,
  placeIn,
  progressData,
  runningData,
  signedOutData,
} from './progress.ts';
import { rawRowData } from './raw-row.ts';
import { readRelated } from './related.ts';
import {
  refusedTitles,
  shownAlterations,
  type TaskParts,
  taskDetailsData,
  taskJson,
  taskPageData,
} from './task.ts';
import { taskActions } from './task-actions.ts';
import { filterInWords, findResource } from './task-filter.ts';
import { getNamed, type NamedTask, named } from './task-title.ts';
import { type TaskCounts, tasksPageData, totalOfStates } from './tasks.ts';
import { readTasksPage, tasksList } from './tasks-list.ts';

type WithId = { Params: { id: string }; Querystring: { _list?: unknown } };

export const taskRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { admin, context, url },
) => {
  const { db, registry } = context;
  // Signed out ends a poll like anything else, so the guard lets it through.
  const open = { config: { isPublic: true, isPolled: true } };
  const polled = { config: { isPolled: true } };

  app.get('/tasks', async (request, reply) => {
    const principal = principalOf(request);
    const query = parseTasksQuery(request.query as Record<string, unknown>);
    const hasSchedules = context.schedules.size > 0 && seesSchedules(context, principal);
    const isPage = !wantsJson(request);
    const [{ page, counts }, workers] = await Promise.all([
      readTasksPage({ context }, principal, query),
      isPage && seesSchedules(context, principal) ? listWorkers(db) : [],
    ]);
    const now = new Date();
    if (!isPage) {
      const total = totalOfStates(counts, query.states);
      return {
        tasks: page.tasks.map((task) => taskJson(task, now)),
        total: total.value,
        isExact: total.isExact,
        page: query.page,
      };
    }
    const list = await tasksList({ admin, context, url }, principal, query, { page, counts });
    return reply.page(
      'tasks/index',
      tasksPageData(list, {
        seen: tasksSeen(registry, principal),
        query,
        counts,
        matching: await readMatching(principal, query, counts),
        filter: dashboardFilter(query, {
          registry,
          principal,
          url,
          schedules: hasSchedules ? [...context.schedules.keys()] : [],
          workers,
        }),
        buttons: buttonsAt(context, principal, 'tasks'),
        hasDeliveries: seesDeliveries(context, principal),
        hasPreferences: !hasMessages(context) && choosableChannels(context).length > 0,
        hasSchedules,
        url,
      }),
    );
  });

  app.get<{ Querystring: { resource?: string } }>(
    '/tasks/running',
    polled,
    async (request, reply) => {
      const resource = registry.for(principalOf(request), String(request.query.resource ?? ''));
      if (!isHtmx(request)) return reply.redirect(url(`/${resource.slug}`), 303);
      const tasks = await named(
        context,
        principalOf(request),
        await listRunning(db, principalOf(request), resource.slug),
      );
      return reply.page(
        'tasks/_running',
        runningData(tasks, resource.slug, { now: new Date(), url, reader: resource.reader }),
      );
    },
  );

  app.get<WithId>('/tasks/:id', async (request, reply) => {
    const principal = principalOf(request);
    const task = await getNamed(context, principal, Number(request.params.id));
    if (wantsJson(request))
      return taskJson(task, new Date(), await shownAlterations(db, registry, principal, task));
    if (isFinished(task.state) && request.unseen && request.unseen.count > 0)
      await readMessagesOf(context, principal, task.id);
    return sendTask(request, reply, task);
  });

  app.get<WithId>('/tasks/:id/row', async (request, reply) => {
    const id = Number(request.params.id);
    const row = await readRawRow(context, principalOf(request), id);
    if (wantsJson(request)) return row;
    return reply.page('tasks/row', rawRowData(id, row, url));
  });

  app.post<WithId>('/tasks/:id/time', async (request, reply) => {
    const principal = principalOf(request);
    const { timeZone } = readerOf(principal);
    const task = await getNamed(context, principal, Number(request.params.id));
    const typed = textsOf(((request.body ?? {}) as Body).at)[0] ?? '';
    const span = readDateSpan(typed, 'timestamptz', timeZone);
    if (!span && task.state === 'scheduled') {
      if (!wantsJson(request)) return sendTask(request, reply.code(422), task, typed);
      throw new AppError('invalid-time', 422, dueTimeTexts.wrong, { field: 'at' });
    }
    const at = span?.start ?? new Date();
    await reschedule(context, principal, task.id, at);
    if (wantsJson(request))
      return taskJson(await getNamed(context, principal, task.id), new Date());
    return reply
      .flash('info', dueTimeTexts.done(formatTimestamp(at, new Date(), timeZone)))
      .redirect(url(`/tasks/${task.id}`), 303);
  });

  app.get<WithId>('/tasks/:id/details', polled, async (request, reply) => {
    const principal = principalOf(request);
    if (!isHtmx(request)) return reply.redirect(url(`/tasks/${request.params.id}`), 303);
    const task = await getNamed(context, principal, Number(request.params.id));
    const details = taskDetailsData(task, await partsOf(principal, task), {
      now: new Date(),
      url,
      resource: findResource(registry, principal, task),
      principal,
    });
    return reply.code(isFinished(task.state) ? stopPolling : 200).page('tasks/_details', details);
  });

  app.get<WithId>('/tasks/:id/embedded', polled, async (request, reply) => {
    const task = await getNamed(context, principalOf(request), Number(request.params.id));
    if (wantsJson(request)) return taskJson(task, new Date());
    // Somebody has followed it as a link.
    if (request.headers['sec-fetch-mode'] === 'navigate')
      return reply.redirect(url(`/tasks/${task.id}`), 303);
    return reply
      .code(isFinished(task.state) ? stopPolling : 200)
      .page('tasks/_embedded', embeddedData(task, new Date(), url));
  });

  app.get<WithId>('/tasks/:id/progress', open, async (request, reply) => {
    try {
      const principal = principalOf(request);
      const task = await getNamed(context, principal, Number(request.params.id));
      if (wantsJson(request))
        return taskJson(task, new Date(), await shownAlterations(db, registry, principal, task));
      return sendProgress(request, reply, task);
    } catch (error) {
      return endPoll(request, reply, error);
    }
  });

  // State changes are nouns.
  const moves = { cancellation: cancel, pause, resumption: resume };
  for (const [noun, move] of Object.entries(moves)) {
    app.post<WithId>(`/tasks/:id/${noun}`, (request, reply) => sendMoved(request, reply, move));
  }

  async function sendTask(
    request: FastifyRequest<WithId>,
    reply: FastifyReply,
    task: NamedTask,
    typedTime: string | null = null,
  ) {
    const principal = principalOf(request);
    const resource = findResource(registry, principal, task);
    const parameters =
      task.kind === 'own'
        ? (matchingInWords(task, { registry, principal, url }) ?? plainParameters(task.parameters))
        : resource
          ? await parametersInWords(registry, resource, principal, task)
          : [];
    const filter = await filterInWords(registry, resource, principal, task);
    const [shownBefore, related] = await Promise.all([
      readKeptPreviewData({ context, principal, url }, task),
      readRelated(context, principal, task, url),
    ]);
    return reply.page(
      'tasks/show',
      taskPageData(task, await partsOf(principal, task), parameters, filter, {
        now: new Date(),
        url,
        registry,
        principal,
        resource,
        listSearch: namedSearch(request.query._list),
        seesRow: seesRows(context, principal),
        shownBefore,
        related,
        typedTime,
      }),
    );
  }

  async function sendMoved(
    request: FastifyRequest<WithId>,
    reply: FastifyReply,
    move: typeof cancel,
  ) {
    const principal = principalOf(request);
    const id = Number(request.params.id);
    try {
      await move(context, principal, id);
    } catch (error) {
      // Success beats a late cancel or pause; its page says so better than an error would.
      if (!(error instanceof AppError && error.code === 'task-finished' && !wantsJson(request)))
        throw error;
    }
    if (!isHtmx(request) && !wantsJson(request)) return reply.redirect(url(`/tasks/${id}`), 303);
    const task = await getNamed(context, principal, id);
    if (wantsJson(request)) return taskJson(task, new Date());
    return sendProgress(request, reply, task);
  }

  /** One statement more, of what is filtered and has failed. */
  async function readMatching(
    principal: Principal,
    query: TasksQuery,
    { ofState, unacknowledged: known, limit }: TaskCounts,
  ): Promise<MatchingLinks | null> {
    if (!isFiltered(query) || !canActOnMatching(context, 'cancellation', principal)) return null;
    const narrowed = queryOf('acknowledgement', query);
    const hasFailed = narrowed?.states.some((state) => (ofState.get(state) ?? 0) > 0);
    const unacknowledged =
      known ??
      (narrowed && hasFailed
        ? await countTasks(context, principal, {
            search: await readTaskSearch(registry, principal, narrowed),
            limit,
          })
        : new Map());
    return matchingLinks(query, { ofState, unacknowledged, limit, url });
  }

  async function partsOf(principal: Principal, task: NamedTask): Promise<TaskParts> {
    const [chunks, cells, failures, events, untold] = await Promise.all([
      listChunks(db, task.id),
      task.chunkCount > 1 ? listMapCells(db, task.id) : [],
      listFailures(db, task.id),
      listEvents(db, task.id),
      listUntold(db, task.id),
    ]);
    const [titles, alterations, actions, own, matched] = await Promise.all([
      refusedTitles(registry, principal, task, failures),
      shownAlterations(db, registry, principal, task),
      taskActions(
        { context, principal, resource: findResource(registry, principal, task), url },
        task,
      ),
      readOwnParts(context, principal, task),
      readMatched(context, task),
    ]);
    return { chunks, cells, failures, alterations, events, untold, titles, actions, own, matched };
  }

  // htmx swaps no 4xx, so a poll that got one would go on for ever: every ending is 286 without a
  // trigger.
  function endPoll(request: FastifyRequest<WithId>, reply: FastifyReply, error: unknown) {
    if (!isHtmx(request) || wantsJson(request) || !(error instanceof AppError)) throw error;
    reply.code(stopPolling);
    const { id } = request.params;
    return reply.page(
      'tasks/_ended',
      error.status === 401
        ? signedOutData(id, { place: placeOf(request), signIn: signInHref(context.people, url) })
        : goneData(id, url, placeOf(request)),
    );
  }

  async function sendProgress(request: FastifyRequest, reply: FastifyReply, task: NamedTask) {
    const now = new Date();
    if (!isHtmx(request)) return reply.redirect(url(`/tasks/${task.id}`), 303);
    if (!isFinished(task.state)) {
      const look = { now, url, reader: readerOf(principalOf(request)) };
      const { told: shownState } = request.query as { told?: string };
      const isMoved = hasMoved(task, now, shownState);
      if (isMoved) reply.header('HX-Trigger', headerJson(movedEvents(task)));
      return reply.page(
        'tasks/_progress',
        progressData(task, look, placeOf(request), isMoved ? undefined : shownState),
      );
    }
    const principal = principalOf(request);
    const resource = findResource(registry, principal, task);
    // Elsewhere they may be at something of their own, which a page that leaves would lose.
    if (placeOf(request) === 'launched' && resource?.afterFinish(task) === 'task-page')
      reply.header('HX-Redirect', url(`/tasks/${task.id}`));
    const links = await taskActions({ context, principal, resource, url }, task);
    reply.code(stopPolling).header('HX-Trigger', headerJson(finishedEvents(task, links)));
    return reply.page('tasks/_ended', finishedData(task, now, url, placeOf(request), links));
  }
};

function placeOf({ query }: FastifyRequest): ProgressPlace {
  return placeIn((query as { in?: unknown }).in);
}
