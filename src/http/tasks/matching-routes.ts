import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { isTaskId, listTasksById } from '../../tasks/looking/queries.ts';
import { parseTasksQuery, type TasksQuery } from '../../tasks/looking/tasks-query.ts';
import { launchMatching } from '../../tasks/matching/launch-matching.ts';
import { countMatched, listMatched } from '../../tasks/matching/matched.ts';
import { actOfTask, type MatchingAct, matchingActs } from '../../tasks/matching/matching-acts.ts';
import {
  assertInBackground,
  type MatchingPreview,
  previewMatching,
} from '../../tasks/matching/preview-matching.ts';
import type { Body } from '../form.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { launchNote } from './launch-note.ts';
import { lineOf, matchedFilterOf, matchedPageData } from './matched.ts';
import { isAskedToTick, matchingJson, matchingPageData } from './matching.ts';
import { matchingTexts } from './matching-texts.ts';
import { taskJson } from './task.ts';
import { getNamed, named, titlesOfTasks } from './task-title.ts';

type ForTask = { Params: { id: string }; Querystring: { code?: unknown; _after?: unknown } };
type ForAct = { Params: { act: string }; Querystring: Record<string, unknown> };

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is done to all tasks that match: a page that shows it, and what confirms it. */
export const matchingRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { registry, settings } = context;

  app.get<ForAct>('/tasks/matching/:act', async (request, reply) => {
    const principal = principalOf(request);
    const act = actOf(request);
    const asked = parseTasksQuery(request.query);
    assertInBackground(context, act, principal);
    const preview = await previewMatching(context, principal, act, asked);
    if (wantsJson(request)) return matchingJson(act, preview);
    return sendPage(request, reply, { act, asked, preview });
  });

  app.post<ForAct>('/tasks/matching/:act', async (request, reply) => {
    const principal = principalOf(request);
    const act = actOf(request);
    const asked = parseTasksQuery(request.query);
    const form = readForm((request.body ?? {}) as Body);
    const { operationId, upTo, shown, isTicked } = form;
    if (isAskedToTick(shown) && !isTicked) {
      if (wantsJson(request))
        throw new AppError('invalid-operation', 422, matchingTexts.unacknowledged, {
          fieldErrors: { acknowledge: matchingTexts.unacknowledged },
        });
      const preview = await previewMatching(context, principal, act, asked, upTo);
      const again = { act, asked, preview, operationId, isUnticked: true };
      return sendPage(request, reply.code(422), again);
    }
    const confirmed = { act, query: asked, upTo, shown, operationId };
    const launched = await launchMatching(context, principal, confirmed);
    if ('stale' in launched) {
      const message = staleInWords(shown, launched.stale);
      if (wantsJson(request)) throw new AppError('preview-stale', 409, message);
      const again = { act, asked, preview: launched.stale, operationId, message };
      return sendPage(request, reply.code(409), again);
    }
    const statusUrl = url(`/tasks/${launched.task.id}`);
    const note = launchNote(launched);
    if (!wantsJson(request))
      return (note === null ? reply : reply.flash('info', note)).redirect(statusUrl, 303);
    const [task] = await named(context, principal, [launched.task]);
    return reply.code(202).send({
      ...taskJson(task ?? launched.task, new Date()),
      taskId: launched.task.id,
      outcome: launched.outcome,
      message: note ?? launched.task.title,
      statusUrl,
    });
  });

  app.get<ForTask>('/tasks/:id/matched', async (request, reply) => {
    const principal = principalOf(request);
    const task = await getNamed(context, principal, Number(request.params.id));
    const act = actOfTask(task.operation);
    if (!act) throw notFound();
    const [code = ''] = textsOf(request.query.code);
    const [given = '0'] = textsOf(request.query._after);
    if (!isTaskId(Number(given)) && given !== '0') throw notFound();
    const [line, after, size] = [lineOf(task), Number(given), limits.shown.failures];
    const [counts, found] = await Promise.all([
      countMatched(context.db, line),
      listMatched(context.db, line, { only: matchedFilterOf(code), after, limit: size + 1 }),
    ]);
    const ids = found.flatMap((one) => [one.taskId, one.followUpId ?? 0]);
    const tasks = await named(context, principal, await listTasksById(context, principal, ids));
    const seen = new Map(tasks.map((one) => [one.id, one]));
    const listed = { act, counts, found, seen, code, after, size, url };
    if (!wantsJson(request)) return reply.page('tasks/matched', matchedPageData(task, listed));
    const page = found.slice(0, size).filter(({ taskId }) => seen.has(taskId));
    return { ...counts, tasks: page, next: found.length > size ? found[size - 1]?.taskId : null };
  });

  async function sendPage(
    request: FastifyRequest,
    reply: FastifyReply,
    shown: {
      act: MatchingAct;
      asked: TasksQuery;
      preview: MatchingPreview | null;
      operationId?: string;
      message?: string;
      isUnticked?: boolean;
    },
  ) {
    const { act, preview, ...rest } = shown;
    const principal = principalOf(request);
    const ids = preview?.sample.map(({ task }) => task.id) ?? [];
    const titles = await titlesOfTasks(context, principal, ids);
    const parts = { titles, registry, principal, limit: settings.countLimit, url };
    return reply.page('tasks/matching', matchingPageData(act, preview, { ...rest, ...parts }));
  }
};

function actOf({ params }: FastifyRequest<ForAct>): MatchingAct {
  if (!Object.hasOwn(matchingActs, params.act)) throw notFound();
  return params.act as MatchingAct;
}

/** Throws AppError 'preview-gone' (409): it is no form of ours. */
function readForm(body: Body) {
  const text = (name: string) => textsOf(body[name])[0] ?? '';
  const operationId = text('_op');
  const [upTo, value] = [Number(text('upTo') || NaN), Number(text('count') || NaN)];
  const isWhole = (one: number) => Number.isInteger(one) && one >= 0 && one <= 2_147_483_647;
  if (!uuid.test(operationId) || !isWhole(upTo) || !isWhole(value))
    throw new AppError('preview-gone', 409, matchingTexts.badForm);
  const shown = { value, isExact: text('exact') !== 'no' };
  return { operationId, upTo, shown, isTicked: text('acknowledge') === 'yes' };
}

function staleInWords(
  shown: { value: number; isExact: boolean },
  now: MatchingPreview | null,
): string {
  if (!now || now.total.value === 0) return matchingTexts.noneNow;
  const { tasks, count } = matchingTexts;
  return matchingTexts.stale(
    tasks(shown.value, shown.isExact),
    count(now.total.value, now.total.isExact),
  );
}
