import { textsOf } from '../../form-texts.ts';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { RouteOptions } from '../route-options.ts';
import { AppError, notFound } from '../../errors.ts';
import type { OperationKind } from '../../operations/contract.ts';
import { consequences } from '../../operations/consequences.ts';
import { assertCan } from '../../resources/permissions.ts';
import { isAlwaysPreviewed } from '../../operations/update.ts';
import { getOperation } from '../../operations/register.ts';
import { launch } from '../../tasks/launch.ts';
import { lookAhead } from '../../tasks/look-ahead.ts';
import { createPreview, findPreview, keepForm, type Preview, previewed } from '../../tasks/preview.ts';
import { parseRunOptions } from '../../tasks/run-options.ts';
import { isHtmx, principalOf, wantsJson } from '../negotiate.ts';
import { bulkDeleteData, bulkEditData, type Outcome } from '../pages/bulk.ts';
import { type Body, bulkInputs } from '../pages/bulk-field.ts';
import { consequencesData } from '../pages/consequences.ts';
import { previewPath } from '../pages/preview.ts';
import { typedForm } from '../pages/typed-form.ts';
import { findSelection, type Selected, type Selection, selectionWhere } from '../../selection/selection.ts';
import { readTitled } from '../../selection/titled.ts';
import { bulkTexts } from '../texts/bulk.ts';
import { explain, saidOnForm, sendLaunched } from './bulk-answers.ts';

/** Records that a dialog names. */
const namedRecords = 4;

type ForResource = { Params: { resource: string }; Querystring: { _s?: string; _preview?: string } };

interface OpenedForm {
  about: Outcome;
  selection: Selection | null;
  earlier: Preview | null;
}

const paths: readonly [string, OperationKind][] = [
  ['/:resource/bulk-edit', 'update'],
  ['/:resource/bulk-delete', 'delete'],
];

export const bulkRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, register } = context;

  for (const [path, operation] of paths) {
    app.get<ForResource>(path, async (request, reply) => {
      const opened = await readRequest(request, operation, textsOf(request.query._preview)[0]);
      const { about, earlier } = opened;
      try {
        if (about.selectionId === '') throw new AppError('empty-selection', 422, bulkTexts.nothingSelected);
        return await sendForm(reply, opened, earlier?.form ?? {}, null);
      } catch (error) {
        return explain(context, request, reply, about, error);
      }
    });

    app.post<ForResource>(path, { config: { shownAgain: { _do: 'inputs' } } }, async (request, reply) => {
      const body = (request.body ?? {}) as Body;
      const opened = await readRequest(request, operation, textsOf(body._op)[0]);
      const { about, earlier } = opened;
      try {
        const wanted = textsOf(body._do)[0];
        if (wanted === 'inputs') return await sendForm(reply, opened, body, null);
        if (wanted === 'preview') return await sendPreview(request, reply, opened, body);
        const parameters = getOperation(operation).parse(about.resource, body);
        // Tried out first, since nobody sees from the expression how long it takes. Programs have no page to look at.
        if (isAlwaysPreviewed(parameters) && !wantsJson(request)) return await sendPreview(request, reply, opened, body);
        const { resource, principal } = about;
        const operationId = textsOf(body._op)[0] ?? '';
        const launched = await launch(context, { resource, principal, operation, parameters, operationId, options: parseRunOptions(body) });
        return sendLaunched(context, request, reply, about, launched);
      } catch (error) {
        const said = wantsJson(request) ? null : saidOnForm(error);
        if (said) return sendForm(reply, opened, body, said);
        // The explanation leads back to the form.
        if (earlier && !wantsJson(request)) await keepForm(context, earlier, typedForm(about.resource, body));
        return explain(context, request, reply, about, error);
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

  /** What is asked for, and the form's or preview's own row that it comes from: it has what was typed and left out. */
  async function readRequest(request: FastifyRequest<ForResource>, operation: OperationKind, earlierId = ''): Promise<OpenedForm> {
    const principal = principalOf(request);
    const resource = register.for(principal, request.params.resource);
    const selectionId = textsOf(request.query._s)[0] ?? '';
    const selection = await findSelection(db, principal, resource, selectionId);
    const found = earlierId === '' ? null : await findPreview(context, resource, principal, earlierId);
    const earlier = found?.operation === operation && found.selectionId === selection?.id ? found : null;
    const filter = selection?.filter ?? '';
    const about: Outcome = { register, resource, principal, operation, selectionId, filter, previewId: earlier?.id ?? null, url };
    return { about, selection, earlier };
  }

  /** Tries it out and leads to what was found; a delete is acknowledged there. */
  async function sendPreview(request: FastifyRequest, reply: FastifyReply, { about, earlier }: OpenedForm, body: Body) {
    const { resource, principal, operation, selectionId } = about;
    const parameters = getOperation(operation).parse(resource, operation === 'delete' ? { ...body, acknowledge: 'yes' } : body);
    const form = typedForm(resource, body);
    const wanted = { resource, principal, operation, selectionId, parameters, form, exclusions: earlier?.exclusions ?? [] };
    const preview = await createPreview(context, wanted);
    await lookAhead(context, { resource, principal, preview });
    const target = url(previewPath(resource, preview.id));
    return isHtmx(request) ? reply.header('HX-Redirect', target).type('text/html').send('') : reply.redirect(target, 303);
  }

  async function sendForm(reply: FastifyReply, { about, selection, earlier }: OpenedForm, body: Body, error: AppError | null) {
    const { resource, principal, operation, selectionId, filter } = about;
    const preview = await createPreview(context, { resource, principal, operation, selectionId, exclusions: earlier?.exclusions ?? [] });
    const selected = selection && previewed(selection, preview);
    const names = await firstTitles(about, selected);
    const opened = { register, sql: db.pages, resource, principal, preview, names, selectionId, filter, body, error, url };
    reply.code(error?.status ?? 200);
    if (operation === 'update') return reply.page('bulk/edit', await bulkEditData(opened));
    const chosen = selected ? selectionWhere(resource, principal, selected) : { OR: [] };
    const found = await consequences(db, register, resource, principal, chosen);
    return reply.page(
      'bulk/delete',
      bulkDeleteData(
        opened,
        consequencesData(register, resource, found, url, { principal, days: context.settings.undoRetentionDays, action: 'bulk-delete' }),
      ),
    );
  }

  async function firstTitles({ resource, principal }: Outcome, selected: Selected | null): Promise<string[]> {
    if (!selected) return [];
    const where = selectionWhere(resource, principal, selected);
    return (await readTitled(register, { resource, where, limit: namedRecords })).map(({ title }) => title);
  }
};
