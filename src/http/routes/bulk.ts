import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, notFound } from '../../errors.ts';
import type { OperationKind } from '../../operations/contract.ts';
import { consequences } from '../../operations/consequences.ts';
import { assertCan } from '../../resources/permissions.ts';
import { getOperation } from '../../operations/register.ts';
import type { TaskContext } from '../../tasks/context.ts';
import type { Holder } from '../../tasks/holders.ts';
import { launch, type Launched } from '../../tasks/launch.ts';
import { createPreview } from '../../tasks/preview.ts';
import { getTask, seesAllTasks } from '../../tasks/queries.ts';
import { isFinished } from '../../tasks/states.ts';
import { headerJson, isHtmx, principalOf, wantsJson } from '../negotiate.ts';
import {
  bulkDeleteData,
  bulkEditData,
  type BulkOutcomeData,
  explanationData,
  listUrl,
  type Outcome,
  overlapData,
  refusedData,
} from '../pages/bulk.ts';
import { type Body, bulkInputs, textsOf } from '../pages/bulk-field.ts';
import { consequencesData } from '../pages/consequences.ts';
import { finishedData, finishedEvents, progressData } from '../pages/progress.ts';
import { taskJson } from '../pages/task.ts';
import { delegateOf } from '../../resources/delegate.ts';
import { findSelection, type Selection, selectionWhere } from '../../selection/selection.ts';
import type { Urls } from '../pages/url.ts';
import { bulkTexts } from '../texts/bulk.ts';
import { taskTexts } from '../texts/tasks.ts';

export interface BulkRoutes {
  context: TaskContext;
  url: Urls;
}

/** Records that a dialog names. */
const namedRecords = 4;

type ForResource = { Params: { resource: string }; Querystring: { _s?: string } };

const paths: readonly [string, OperationKind][] = [
  ['/:resource/bulk-edit', 'update'],
  ['/:resource/bulk-delete', 'delete'],
];

export const bulkRoutes: FastifyPluginAsync<BulkRoutes> = async (app, { context, url }) => {
  const { db, register } = context;

  for (const [path, operation] of paths) {
    app.get<ForResource>(path, async (request, reply) => {
      const { about, selection } = await readRequest(request, operation);
      try {
        if (about.selectionId === '') throw new AppError('empty-selection', 422, bulkTexts.nothingSelected);
        return await sendForm(reply, about, selection, {}, null);
      } catch (error) {
        return explain(request, reply, about, error);
      }
    });

    app.post<ForResource>(path, async (request, reply) => {
      const { about, selection } = await readRequest(request, operation);
      const body = (request.body ?? {}) as Body;
      try {
        if (textsOf(body._do)[0] === 'inputs') return await sendForm(reply, about, selection, body, null);
        const parameters = getOperation(operation).parse(about.resource, body);
        const { resource, principal } = about;
        const launched = await launch(context, { resource, principal, operation, parameters, operationId: textsOf(body._op)[0] ?? '' });
        return sendLaunched(request, reply, about, launched);
      } catch (error) {
        if (error instanceof AppError && error.code === 'invalid-operation' && !wantsJson(request)) {
          return sendForm(reply, about, selection, body, error);
        }
        return explain(request, reply, about, error);
      }
    });
  }

  /** The controls of a change that was chosen for a field: what htmx swaps in. */
  app.get<ForResource & { Querystring: Body }>('/:resource/bulk-edit/inputs', async (request, reply) => {
    const principal = principalOf(request);
    const resource = register.for(principal, request.params.resource);
    assertCan(resource, principal, 'bulk-update');
    const field = resource.bulkFields.find(({ name }) => name === textsOf(request.query.of)[0]);
    if (!field) throw notFound();
    return reply.page(
      'bulk/_inputs',
      await bulkInputs({ register, sql: db.pages, resource, principal, body: request.query, errors: {}, url }, field),
    );
  });

  async function readRequest(request: FastifyRequest<ForResource>, operation: OperationKind) {
    const principal = principalOf(request);
    const resource = register.for(principal, request.params.resource);
    const selectionId = textsOf(request.query._s)[0] ?? '';
    const selection = await findSelection(db, principal, resource, selectionId);
    const about: Outcome = { register, resource, principal, operation, selectionId, filter: selection?.filter ?? '', url };
    return { about, selection };
  }

  async function sendForm(reply: FastifyReply, about: Outcome, selection: Selection | null, body: Body, error: AppError | null) {
    const { resource, principal, operation, selectionId, filter } = about;
    const preview = await createPreview(context, { resource, principal, operation, selectionId });
    const names = await firstTitles(about, selection);
    const opened = { register, sql: db.pages, resource, principal, preview, names, selectionId, filter, body, error, url };
    reply.code(error?.status ?? 200);
    if (operation === 'update') return reply.page('bulk/edit', await bulkEditData(opened));
    const chosen = selection ? selectionWhere(resource, principal, selection) : { OR: [] };
    const found = await consequences(db, register, resource, principal, chosen);
    return reply.page('bulk/delete', bulkDeleteData(opened, consequencesData(register, resource, found, url)));
  }

  async function firstTitles({ resource, principal }: Outcome, selection: Selection | null): Promise<string[]> {
    if (!selection) return [];
    const rows = await delegateOf(register.client, resource.model).findMany({
      where: selectionWhere(resource, principal, selection),
      select: { [resource.titleField]: true },
      take: namedRecords,
    });
    return rows.map((row) => String(row[resource.titleField] ?? ''));
  }

  async function sendLaunched(request: FastifyRequest, reply: FastifyReply, about: Outcome, { task, outcome }: Launched) {
    const now = new Date();
    const statusUrl = url(`/tasks/${task.id}`);
    const finished = isFinished(task.state);
    if (wantsJson(request)) {
      const message = finished ? (task.message ?? task.title) : taskTexts.processing(task.total ?? task.expected ?? 0);
      return reply.code(202).send({ ...taskJson(task, now), taskId: task.id, message, statusUrl });
    }
    if (!isHtmx(request)) return reply.redirect(statusUrl, 303);
    if (outcome === 'inline') {
      // An empty dialog closes itself.
      return reply
        .header('HX-Trigger', headerJson({ ...finishedEvents(task), 'bulkhead:close-dialog': true }))
        .type('text/html')
        .send('');
    }
    const launched = { taskId: task.id, resource: task.resource };
    reply.code(202).header('HX-Trigger', headerJson({ 'bulkhead:launched': launched }));
    return reply.page('bulk/_launched', {
      title: task.title,
      note: outcome === 'already' ? bulkTexts.alreadySent : null,
      progress: finished ? null : progressData(task, now, url),
      ended: finished ? finishedData(task, now, url) : null,
      close: taskTexts.close,
      listUrl: listUrl(about.resource, about.selectionId, about.filter, url),
    });
  }

  async function explain(request: FastifyRequest, reply: FastifyReply, about: Outcome, error: unknown) {
    if (!(error instanceof AppError) || wantsJson(request)) throw error;
    // Others are not swapped into a dialog; the error page or a toast tells them.
    if (error.status !== 409 && error.status !== 422) throw error;
    const data = await explanationOf(about, error);
    return reply.code(error.status).page('bulk/outcome', data);
  }

  async function explanationOf(about: Outcome, error: AppError): Promise<BulkOutcomeData> {
    if (error.code === 'refused') return refusedData(about, error);
    if (error.code !== 'overlap') return explanationData(about, error);
    const [holder] = (error.details.holders ?? []) as Holder[];
    const { principal } = about;
    const isVisible = holder && (seesAllTasks(principal) || holder.principalId === principal.id);
    if (!isVisible) return overlapData(about, error, null, null);
    const task = await getTask(db, principal, holder.taskId);
    const now = new Date();
    const finished = isFinished(task.state);
    return overlapData(about, error, finished ? null : progressData(task, now, url), finished ? finishedData(task, now, url) : null);
  }
};
