import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { parseKey } from '../../metadata/keys.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import { acknowledge, withdrawAcknowledgement } from '../../tasks/control/acknowledge.ts';
import { retry } from '../../tasks/follow-ups/retry.ts';
import { runAgain } from '../../tasks/follow-ups/run-again.ts';
import { firstChanged, previewUndo, previewUndos, undo } from '../../tasks/follow-ups/undo.ts';
import type { Launched } from '../../tasks/launched.ts';
import { type FailedRecord, listFailedRecords } from '../../tasks/looking/failed-records.ts';
import { failedValues } from '../../tasks/looking/failed-values.ts';
import { listFailures } from '../../tasks/looking/queries.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Body } from '../form.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { csvLine, failuresData } from './failures.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import { launchNote } from './launch-note.ts';
import { totalOf } from './progress.ts';
import { taskJson } from './task.ts';
import { taskActions } from './task-actions.ts';
import { findResource } from './task-filter.ts';
import { kindTexts } from './task-kinds.ts';
import { getNamed, type NamedTask, named } from './task-title.ts';
import { undoData } from './undo.ts';
import { type UndonePartShown, undoRunData, undoRunJson } from './undo-run.ts';

type WithId = { Params: { id: string }; Querystring: { code?: unknown; _after?: unknown } };

/** Records read at a time for a CSV, whatever its length. */
const csvPage = 1_000;

/** What goes on from a finished task: its failed records as a list and as CSV, a retry, an undo. */
export const followUpRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry } = context;

  app.get<WithId>('/tasks/:id/failures', async (request, reply) => {
    const { task, principal, resource, code } = await readRequest(request);
    const after = textsOf(request.query._after)[0] ?? '';
    const reads = await request.reads(task.model);
    const [groups, found] = await Promise.all([
      listFailures(reads.db, task.id),
      listFailedRecords(reads.db, task.id, { code, after, limit: limits.shown.failures + 1 }),
    ]);
    const titles = await titlesFor(reads.registry, resource, principal, found);
    const actions = await taskActions({ context, principal, resource, url }, task);
    const values = resource
      ? await failedValues(context, resource, task, [...titles.keys()])
      : { edits: [], byKey: new Map() };
    const listed = {
      registry: reads.registry,
      asOf: reads.asOf,
      principal,
      task,
      actions,
      values,
      groups,
      found,
      titles,
      resource,
      code,
      after,
    };
    return reply.page('tasks/failures', await failuresData(listed, url));
  });

  app.get<WithId>('/tasks/:id/failures.csv', async (request, reply) => {
    const { task, principal, resource, code } = await readRequest(request);
    reply
      .header('content-disposition', `attachment; filename="task-${task.id}-failures.csv"`)
      .type('text/csv; charset=utf-8');
    // A spreadsheet would run a text that begins as a formula does.
    const csv = stringify({ header: true, columns: csvHeader(), escape_formulas: true, bom: true });
    return reply.send(Readable.from(lines(task, principal, resource, code)).pipe(csv));
  });

  app.post<WithId>('/tasks/:id/retry', async (request, reply) => {
    const body = (request.body ?? {}) as Body;
    const [operationId = ''] = textsOf(body._op);
    const code = textsOf(body.code)[0] || null;
    return sendFollowUp(
      request,
      reply,
      await retry(context, principalOf(request), Number(request.params.id), { operationId, code }),
    );
  });

  app.post<WithId>('/tasks/:id/again', async (request, reply) => {
    const [operationId = ''] = textsOf(((request.body ?? {}) as Body)._op);
    const taskId = Number(request.params.id);
    const launched = await runAgain(context, principalOf(request), taskId, operationId);
    return sendFollowUp(request, reply, launched);
  });

  const acknowledgements = {
    acknowledgement: acknowledge,
    'acknowledgement/withdrawal': withdrawAcknowledgement,
  };
  for (const [noun, change] of Object.entries(acknowledgements)) {
    app.post<WithId>(`/tasks/:id/${noun}`, async (request, reply) => {
      const principal = principalOf(request);
      const id = Number(request.params.id);
      await change(context, principal, id);
      if (!wantsJson(request)) return reply.redirect(url(`/tasks/${id}`), 303);
      return taskJson(await getNamed(context, principal, id), new Date());
    });
  }

  app.get<WithId>('/tasks/:id/undo', (request, reply) => sendUndo(request, reply, [], null));

  app.post<WithId>('/tasks/:id/undo', async (request, reply) => {
    const body = (request.body ?? {}) as Body;
    const { principal, resource, task } = await readRequest(request);
    const [operationId = ''] = textsOf(body._op);
    const ticked = [...new Set([...textsOf(body.ticked), ...textsOf(body.key)])];
    const [turn] = textsOf(body._turn);
    if (turn !== undefined && resource)
      return sendUndo(
        request,
        reply,
        ticked.map((id) => parseKey(resource.model, id)),
        null,
        keyAfter(resource, turn),
      );
    const isChosen = textsOf(body._which)[0] === 'chosen';
    const chosen = isChosen && resource ? ticked.map((id) => parseKey(resource.model, id)) : null;
    if (chosen?.length === 0)
      return sendUndo(
        request,
        reply,
        [],
        new AppError('empty-selection', 422, followUpTexts.chooseNone),
      );
    return sendFollowUp(
      request,
      reply,
      await undo(context, principal, task.id, { operationId, chosen }),
    );
  });

  async function readRequest(request: FastifyRequest<WithId>) {
    const principal = principalOf(request);
    const task = await getNamed(context, principal, Number(request.params.id));
    const [code = ''] = textsOf(request.query.code);
    return {
      principal,
      task,
      resource: findResource(registry, principal, task),
      code: code === '' ? null : code,
    };
  }

  async function sendUndo(
    request: FastifyRequest<WithId>,
    reply: FastifyReply,
    chosen: readonly string[],
    error: AppError | null,
    turned?: string,
  ) {
    const principal = principalOf(request);
    const asked = await getNamed(context, principal, Number(request.params.id));
    if (asked.kind === 'own') return sendUndoOfRun(request, reply, asked);
    const preview = await previewUndo(context, principal, asked.id, null);
    const { resource, total, judged, restored, unchanged, gone, refused, cascade } = preview;
    const [task] = (await named(context, principal, [preview.task])) as [NamedTask];
    if (wantsJson(request) && error) throw error;
    if (wantsJson(request)) {
      const back = cascade.map(({ resource: own, count }) => ({ resource: own.slug, count }));
      return { taskId: task.id, total, judged, restored, along: back, unchanged, gone, refused };
    }
    const after = turned ?? textsOf(request.query._after)[0] ?? '';
    const keys = await firstChanged(
      context,
      { id: task.id, model: resource.model.name },
      null,
      limits.shown.undone + 1,
      after,
    );
    const shown = [...keys, ...refused.flatMap((group) => group.keys)];
    const titles = await titlesOf(registry, resource, principal, [...new Set(shown)]);
    reply.code(error?.status ?? 200);
    return reply.page(
      'tasks/undo',
      undoData(
        {
          preview: { ...preview, task },
          keys,
          titles,
          after,
          chosen,
          error: error?.message ?? null,
        },
        url,
      ),
    );
  }

  async function sendUndoOfRun(
    request: FastifyRequest<WithId>,
    reply: FastifyReply,
    task: NamedTask,
  ) {
    const principal = principalOf(request);
    const parts: UndonePartShown[] = [];
    for (const preview of await previewUndos(context, principal, task.id, null)) {
      const { resource, refused } = preview;
      const keys = [...new Set(refused.flatMap((group) => group.keys))];
      parts.push({ preview, titles: await titlesOf(registry, resource, principal, keys) });
    }
    if (wantsJson(request)) return undoRunJson(task, parts);
    return reply.page('tasks/undo', undoRunData(task, parts, url));
  }

  async function titlesFor(
    reading: ResourceRegistry,
    resource: Resource | null,
    principal: Principal,
    found: readonly FailedRecord[],
  ) {
    const keys = [...new Set(found.map(({ key }) => key))];
    return resource && keys.length > 0
      ? titlesOf(reading, resource, principal, keys)
      : new Map<string, string>();
  }

  async function* lines(
    task: TaskRow,
    principal: Principal,
    resource: Resource | null,
    code: string | null,
  ) {
    for (let after = ''; ; ) {
      const found = await listFailedRecords(db, task.id, { code, after, limit: csvPage });
      const titles = await titlesFor(registry, resource, principal, found);
      for (const failed of found) yield csvLine(resource, titles, failed);
      const last = found.at(-1);
      if (!last || found.length < csvPage) return;
      after = last.key;
    }
  }

  async function sendFollowUp(
    request: FastifyRequest,
    reply: FastifyReply,
    { task: launched, outcome }: Launched,
  ) {
    const [task] = (await named(context, principalOf(request), [launched])) as [NamedTask];
    const note = launchNote({ task: launched, outcome });
    const statusUrl = url(`/tasks/${task.id}`);
    if (!wantsJson(request))
      return (note === null ? reply : reply.flash('info', note)).redirect(statusUrl, 303);
    const message = note ?? kindTexts(task).heading(task, totalOf(task));
    return reply
      .code(202)
      .send({ ...taskJson(task, new Date()), taskId: task.id, outcome, message, statusUrl });
  }
};

/** The place to turn to; empty: the first. */
function keyAfter(resource: Resource, turn: string): string {
  return turn === '' ? '' : parseKey(resource.model, turn);
}

function csvHeader(): string[] {
  const { record, reason, field, code } = followUpTexts.columns;
  return ['Id', record, reason, field, code];
}
