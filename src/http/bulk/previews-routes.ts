import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { isKey, keyToUrl, parseKey } from '../../metadata/keys.ts';
import { assertAcknowledged } from '../../operations/acknowledge.ts';
import { journal } from '../../operations/journal-kind.ts';
import { getOperation, seenEdits } from '../../operations/operations.ts';
import type { Resource } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import { getSelection, type Selection, selectionWhere } from '../../selection/selection.ts';
import { findTaskByOperation } from '../../tasks/insert-task.ts';
import { confirmPreview } from '../../tasks/launching/confirm-preview.ts';
import { keepShown } from '../../tasks/previewing/kept-preview.ts';
import { lookAhead } from '../../tasks/previewing/look-ahead.ts';
import {
  excludeFromPreview,
  type Findings,
  findPreview,
  keepForm,
  type Preview,
  previewed,
} from '../../tasks/previewing/preview.ts';
import { previewPage } from '../../tasks/previewing/preview-page.ts';
import { parseRunOptions } from '../../tasks/run-options.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Body } from '../form.ts';
import { isHtmx, principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { parametersInWords } from '../tasks/parameters.ts';
import { titlesOfTasks } from '../tasks/task-title.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import { type BulkRequest, formUrl } from './bulk.ts';
import { explain, saidOnForm, sendLaunched } from './bulk-answers.ts';
import { bulkConsequences } from './bulk-consequences.ts';
import { refusedKeys } from './preview-submit.ts';
import { maxNamed, previewData, previewPath } from './previews.ts';
import { previewTexts } from './previews-texts.ts';
import { formAfterPreview } from './typed-form.ts';

interface ForPreview {
  Params: { resource: string; id: string };
  Querystring: { _after?: string };
}

/** Errors after which the preview itself is shown once more, looked at anew. */
const staleCodes = ['preview-stale', 'selection-changed'];

interface OpenPreview {
  about: BulkRequest;
  selection: Selection;
  preview: Preview;
  after: string | null;
}

/** What an operation would do, a page of its own; confirming it does just that. */
export const previewRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context, url, secret },
) => {
  const { db, registry } = context;
  const path = '/:resource/previews/:id';

  app.get<ForPreview>(path, async (request, reply) => {
    const opened = await open(request);
    return sendPreview(reply, opened, opened.preview.form, null);
  });

  app.post<ForPreview>(
    path,
    { config: { shownAgain: { _do: 'show' } } },
    async (request, reply) => {
      const opened = await open(request).catch((error) => findStarted(request, error));
      if (!('about' in opened))
        return reply.flash('info', taskTexts.alreadySent).redirect(url(`/tasks/${opened.id}`), 303);
      const { about, preview } = opened;
      const { resource, principal } = about;
      const body = (request.body ?? {}) as Body;
      if (textsOf(body._do)[0] === 'show') return sendPreview(reply, opened, body, null);
      try {
        // What has to be acknowledged is acknowledged here, not where the preview was asked for.
        assertAcknowledged(about.operation, body);
        const options = parseRunOptions(body);
        const ticks = readTicks(resource, body);
        if (ticks.out.length + ticks.back.length > 0) {
          const changed = await leaveOut(about, preview, ticks);
          return await sendPreview(
            reply,
            { ...opened, preview: changed },
            body,
            new AppError('preview-stale', 409, previewTexts.unsentTicks),
          );
        }
        assertShown(preview, body);
        return await sendLaunched(
          context,
          request,
          reply,
          about,
          await confirmPreview(context, { resource, principal, previewId: preview.id, options }),
        );
      } catch (error) {
        if (!(error instanceof AppError) || wantsJson(request)) throw error;
        const said = saidOnForm(request, error);
        if (said) return sendPreview(reply, opened, body, said);
        if (!staleCodes.includes(error.code)) return explain(context, request, reply, about, error);
        return sendPreview(
          reply,
          { ...opened, preview: await lookAhead(context, { resource, principal, preview }) },
          body,
          error,
        );
      }
    },
  );

  app.post<ForPreview>(`${path}/exclusions`, async (request, reply) => {
    const opened = await open(request);
    const { about, preview, after } = opened;
    const { resource } = about;
    const body = (request.body ?? {}) as Body;
    try {
      const ticks = readTicks(resource, body);
      const form = formAfterPreview(about, preview.form, body);
      await keepForm(context, preview, form);
      const isRefused = textsOf(body._do)[0] === 'refused' && preview.findings !== null;
      const out = isRefused
        ? [...ticks.out, ...refusedKeys(preview.findings as Findings)]
        : ticks.out;
      const changed = await leaveOut(about, { ...preview, form }, { ...ticks, out });
      if (isHtmx(request)) return sendPreview(reply, { ...opened, preview: changed }, form, null);
    } catch (error) {
      if (!(error instanceof AppError) || error.status !== 422 || wantsJson(request)) throw error;
      return sendPreview(reply, opened, body, error);
    }
    return reply.redirect(
      url(
        `${previewPath(resource, preview.id)}${after === null ? '' : `?_after=${encodeURIComponent(keyToUrl(resource.model, after))}`}`,
      ),
      303,
    );
  });

  // The way back takes along what was typed here.
  app.post<ForPreview>(`${path}/form`, async (request, reply) => {
    const { about, preview } = await open(request);
    const { resource, operation, selectionId } = about;
    await keepForm(
      context,
      preview,
      formAfterPreview(about, preview.form, (request.body ?? {}) as Body),
    );
    return reply.redirect(formUrl(resource, operation, selectionId, preview.id, url), 303);
  });

  async function leaveOut(
    { resource, principal }: BulkRequest,
    preview: Preview,
    ticks: Ticks,
  ): Promise<Preview> {
    return lookAhead(context, {
      resource,
      principal,
      preview: await excludeFromPreview(context, preview, ticks),
    });
  }

  async function open(request: FastifyRequest<ForPreview>): Promise<OpenPreview> {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const preview = await findPreview(context, resource, principal, request.params.id);
    if (!preview?.findings) throw notFound();
    const selection = await getSelection(db, principal, resource, preview.selectionId);
    const { selectionId } = preview;
    const operation = getOperation(resource, preview.operation);
    const about: BulkRequest = {
      registry,
      resource,
      principal,
      operation,
      selectionId,
      filter: selection.filter,
      previewId: preview.id,
      url,
      secret,
    };
    const given = textsOf(request.query._after)[0] ?? '';
    return {
      about,
      selection,
      preview,
      after: given === '' ? null : parseKey(resource.model, given),
    };
  }

  /**
   * The task that a preview started which is no longer kept: sent again it is shown, also next
   * week.
   */
  async function findStarted(
    request: FastifyRequest<ForPreview>,
    error: unknown,
  ): Promise<TaskRow> {
    const task = await findTaskByOperation(db, principalOf(request), request.params.id);
    if (!task || task.resource !== request.params.resource) throw error;
    return task;
  }

  async function sendPreview(
    reply: FastifyReply,
    { about, selection, preview, after }: OpenPreview,
    body: Body,
    error: AppError | null,
  ) {
    const { resource, principal, operation, filter } = about;
    const page = await previewPage(context, { resource, principal, preview, after });
    if (after === null)
      await keepShown(db, resource, preview, seenEdits(resource, preview), page.records);
    const named = preview.findings?.refused.flatMap(({ keys }) => keys.slice(0, maxNamed)) ?? [];
    const data = await previewData({
      registry,
      resource,
      principal,
      operation,
      preview,
      page: { ...page, next: page.next === null ? null : keyToUrl(resource.model, page.next) },
      after: after === null ? null : keyToUrl(resource.model, after),
      titles: await titlesOf(registry, resource, principal, named),
      consequences: await consequencesOf(about, previewed(selection, preview)),
      lines:
        operation.offer?.view !== 'bulk/delete'
          ? await parametersInWords(registry, resource, principal, preview)
          : [],
      filter,
      body,
      error,
      heldTitles: await titlesOfTasks(
        context,
        principal,
        (preview.findings?.held ?? []).map(({ taskId }) => taskId),
      ),
      started: await findTaskByOperation(db, principal, preview.id),
      url,
    });
    return reply.code(error?.status ?? 200).page('previews/show', data);
  }

  async function consequencesOf(about: BulkRequest, selected: Selection) {
    const { resource, principal, operation } = about;
    const isEmpty = selected.kind === 'ticked' && selected.keys.length === 0;
    if (operation.writes !== journal.deleted || isEmpty) return null;
    return bulkConsequences(context, about, selectionWhere(resource, principal, selected), url);
  }
};

interface Ticks {
  out: readonly string[];
  back: readonly string[];
}

/**
 * Records that were ticked or unticked since the page was made, which says of each how it was then.
 */
function readTicks(resource: Resource, body: Body): Ticks {
  const [kept, leftOut] = [textsOf(body.kept), textsOf(body.leftOut)];
  if (
    kept.length + leftOut.length > limits.shown.previewed ||
    ![...kept, ...leftOut].every((key) => isKey(resource.model, key))
  ) {
    throw new AppError(
      'invalid-key',
      422,
      `This is not a record of ${resource.label.toLowerCase()}. Nothing was left out.`,
    );
  }
  const ticked = new Set(textsOf(body.keep));
  return {
    out: kept.filter((key) => !ticked.has(key)),
    back: leftOut.filter((key) => ticked.has(key)),
  };
}

/**
 * Throws AppError 409 where another tab has left records out, or taken them in, since the page was
 * made.
 */
function assertShown({ recordCount }: Preview, body: Body): void {
  const shown = textsOf(body.count)[0];
  if (shown === undefined || shown === String(recordCount)) return;
  throw new AppError('preview-stale', 409, previewTexts.otherTab);
}
