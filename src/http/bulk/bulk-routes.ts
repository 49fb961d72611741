import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, notFound } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { parseKey } from '../../metadata/keys.ts';
import { assertAcknowledged } from '../../operations/acknowledge.ts';
import type { FormView, Operation } from '../../operations/contract.ts';
import { journal } from '../../operations/journal-kind.ts';
import {
  assertMayBegin,
  builtIn,
  getOperation,
  operationsOf,
} from '../../operations/operations.ts';
import type { Resource } from '../../resources/contract.ts';
import { assertCan } from '../../resources/permissions.ts';
import { readRecord } from '../../selection/record.ts';
import {
  createSelection,
  findSelection,
  type Selected,
  type Selection,
  selectionWhere,
} from '../../selection/selection.ts';
import { readTitled } from '../../selection/titled.ts';
import { launch } from '../../tasks/launching/launch.ts';
import { lookAhead } from '../../tasks/previewing/look-ahead.ts';
import {
  createPreview,
  findPreview,
  keepForm,
  type Preview,
  previewed,
} from '../../tasks/previewing/preview.ts';
import { parseRunOptions } from '../../tasks/run-options.ts';
import type { Body } from '../form.ts';
import { isHtmx, principalOf, wantsJson } from '../negotiate.ts';
import type { ConsequencesData } from '../records/consequences.ts';
import type { RouteOptions } from '../route-options.ts';
import {
  type BulkDialog,
  type BulkRequest,
  bulkDeleteData,
  bulkEditData,
  formUrl,
} from './bulk.ts';
import { explain, saidOnForm, sendLaunched } from './bulk-answers.ts';
import { bulkConsequences } from './bulk-consequences.ts';
import { bulkDoData } from './bulk-do.ts';
import { bulkInputs } from './bulk-field.ts';
import { bulkTexts } from './bulk-texts.ts';
import { previewPath } from './previews.ts';
import { typedForm } from './typed-form.ts';

/** Records that a dialog names. */
const namedRecords = 4;

type ForResource = {
  Params: { resource: string; operation?: string };
  Querystring: { _s?: string; _preview?: string; _record?: string };
};

type OperationOf = (resource: Resource, params: ForResource['Params']) => Operation;

/** Those of every resource have an address each, a project's own are named in theirs. */
const addresses: readonly { path: string; operationOf: OperationOf }[] = [
  ...builtIn.flatMap(({ kind, offer }) =>
    offer
      ? [
          {
            path: `/:resource/${offer.path}`,
            operationOf: (resource: Resource) => getOperation(resource, kind),
          },
        ]
      : [],
  ),
  { path: '/:resource/do/:operation', operationOf: ownOf },
];

function ownOf(resource: Resource, { operation: name }: ForResource['Params']): Operation {
  const operation = operationsOf(resource).find(
    ({ kind, offer }) => kind === name && offer?.path === `do/${name}`,
  );
  if (!operation) throw notFound();
  return operation;
}

interface OpenedForm {
  about: BulkRequest;
  selection: Selection | null;
  earlier: Preview | null;
}

export const bulkRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context, url, secret },
) => {
  const { db, registry } = context;

  for (const { path, operationOf } of addresses) {
    app.get<ForResource>(path, async (request, reply) => {
      const given = await selectRecord(request, operationOf);
      if (given !== null) return reply.redirect(url(given), 303);
      const opened = await readRequest(request, operationOf, textsOf(request.query._preview)[0]);
      const { about, earlier } = opened;
      try {
        if (about.selectionId === '')
          throw new AppError('empty-selection', 422, bulkTexts.nothingSelected);
        return await sendForm(reply, opened, earlier?.form ?? {}, null);
      } catch (error) {
        return explain(context, request, reply, about, error);
      }
    });

    app.post<ForResource>(
      path,
      { config: { shownAgain: { _do: 'inputs' } } },
      async (request, reply) => {
        const body = (request.body ?? {}) as Body;
        const opened = await readRequest(request, operationOf, textsOf(body._op)[0]);
        const { about, earlier } = opened;
        const { operation } = about;
        try {
          const wanted = textsOf(body._do)[0];
          if (wanted === 'inputs') return await sendForm(reply, opened, body, null);
          if (wanted === 'preview') return await sendPreview(request, reply, opened, body);
          const { resource, principal } = about;
          assertAcknowledged(operation, body);
          const parameters = operation.parse(resource, body);
          // Goes to a preview first: the expression does not show how long it takes. Programs have
          // no page to look at, so they are not asked.
          if (operation.isAlwaysPreviewed?.(parameters) && !wantsJson(request))
            return await sendPreview(request, reply, opened, body);
          const operationId = textsOf(body._op)[0] ?? '';
          const options = parseRunOptions(body);
          const launched = await launch(context, {
            resource,
            principal,
            operation: operation.kind,
            parameters,
            operationId,
            options,
          });
          return sendLaunched(context, request, reply, about, launched);
        } catch (error) {
          const said = wantsJson(request) ? null : saidOnForm(request, error);
          if (said) return sendForm(reply, opened, body, said);
          // The explanation leads back to the form.
          if (earlier && !wantsJson(request))
            await keepForm(context, earlier, typedForm(about, body));
          return explain(context, request, reply, about, error);
        }
      },
    );
  }

  /** The controls of a change that was chosen for a field: what htmx swaps in. */
  app.get<ForResource & { Querystring: Body }>(
    '/:resource/bulk-edit/inputs',
    async (request, reply) => {
      const principal = principalOf(request);
      const resource = registry.for(principal, request.params.resource);
      assertCan(resource, principal, 'bulk-update');
      const field = resource.bulkFields.find(({ name }) => name === textsOf(request.query.of)[0]);
      if (!field) throw notFound();
      return reply.page(
        'bulk/_inputs',
        await bulkInputs(
          { registry, sql: db.pages, resource, principal, body: request.query, errors: {}, url },
          field,
        ),
      );
    },
  );

  /**
   * What is asked for, and the form's or preview's own row that it comes from: it has what was
   * typed and left out.
   */
  async function readRequest(
    request: FastifyRequest<ForResource>,
    operationOf: OperationOf,
    earlierId = '',
  ): Promise<OpenedForm> {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const operation = operationOf(resource, request.params);
    const selectionId = textsOf(request.query._s)[0] ?? '';
    const selection = await findSelection(db, principal, resource, selectionId);
    const found =
      earlierId === '' ? null : await findPreview(context, resource, principal, earlierId);
    const earlier =
      found?.operation === operation.kind && found.selectionId === selection?.id ? found : null;
    const filter = selection?.filter ?? '';
    const about: BulkRequest = {
      registry,
      resource,
      principal,
      operation,
      selectionId,
      filter,
      previewId: earlier?.id ?? null,
      url,
      secret,
    };
    return { about, selection, earlier };
  }

  /**
   * Of one record that an address names, a selection of it, and the address of the form with that;
   * null: it names none.
   */
  async function selectRecord(
    request: FastifyRequest<ForResource>,
    operationOf: OperationOf,
  ): Promise<string | null> {
    const named = textsOf(request.query._record)[0];
    if (named === undefined) return null;
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const operation = operationOf(resource, request.params);
    if (!operation.offer?.on.includes('record')) throw notFound();
    assertMayBegin(resource, principal, operation);
    const { key } = await readRecord(
      registry,
      resource,
      principal,
      parseKey(resource.model, named),
      [],
    );
    const selected = { kind: 'ticked', filter: '', keys: [key], exclusions: [] } as const;
    const { id } = await createSelection(db, principal, resource, {
      ...selected,
      keys: [key],
      exclusions: [],
    });
    return `/${resource.slug}/${operation.offer.path}?_s=${id}`;
  }

  /**
   * Tries it out and leads to what was found; what has to be acknowledged is acknowledged there.
   */
  async function sendPreview(
    request: FastifyRequest,
    reply: FastifyReply,
    { about, earlier }: OpenedForm,
    body: Body,
  ) {
    const { resource, principal, operation, selectionId } = about;
    const parameters = operation.parse(resource, body);
    const form = typedForm(about, body);
    const exclusions = earlier?.exclusions ?? [];
    const wanted = {
      resource,
      principal,
      operation: operation.kind,
      selectionId,
      parameters,
      form,
      exclusions,
    };
    const preview = await createPreview(context, wanted);
    await lookAhead(context, { resource, principal, preview });
    const target = url(previewPath(resource, preview.id));
    if (!isHtmx(request)) return reply.redirect(target, 303);
    // What was typed in the dialog stands there again after Back.
    const back = formUrl(resource, operation, selectionId, preview.id, url);
    reply.header('HX-Redirect', target).header('HX-Replace-Url', back);
    return reply.type('text/html').send('');
  }

  async function sendForm(
    reply: FastifyReply,
    { about, selection, earlier }: OpenedForm,
    body: Body,
    error: AppError | null,
  ) {
    const { resource, principal, operation, selectionId, filter } = about;
    const exclusions = earlier?.exclusions ?? [];
    const preview = await createPreview(context, {
      resource,
      principal,
      operation: operation.kind,
      selectionId,
      exclusions,
    });
    const selected = selection && previewed(selection, preview);
    const names = await firstTitles(about, selected);
    const opened = {
      registry,
      sql: db.pages,
      resource,
      principal,
      operation,
      preview,
      names,
      selectionId,
      filter,
      body,
      error,
      url,
    };
    reply.code(error?.status ?? 200);
    return forms[operation.offer?.view ?? 'bulk/edit'](reply, opened, selected);
  }

  /** The page of each form that an operation may have. */
  const forms: Readonly<
    Record<
      FormView,
      (reply: FastifyReply, opened: BulkDialog, selected: Selected | null) => Promise<unknown>
    >
  > = {
    'bulk/edit': async (reply, opened) => reply.page('bulk/edit', await bulkEditData(opened)),
    'bulk/delete': async (reply, opened, selected) =>
      reply.page('bulk/delete', bulkDeleteData(opened, await cascadeData(opened, selected))),
    'bulk/do': async (reply, opened, selected) => {
      const deletes = opened.operation.writes === journal.deleted;
      return reply.page(
        'bulk/do',
        bulkDoData(opened, deletes ? await cascadeData(opened, selected) : null),
      );
    },
  };

  /** What deleting the selected takes along. */
  function cascadeData(opened: BulkDialog, selected: Selected | null): Promise<ConsequencesData> {
    const { resource, principal } = opened;
    const chosen = selected ? selectionWhere(resource, principal, selected) : { OR: [] };
    return bulkConsequences(context, opened, chosen, url);
  }

  async function firstTitles(
    { resource, principal }: BulkRequest,
    selected: Selected | null,
  ): Promise<string[]> {
    if (!selected) return [];
    const where = selectionWhere(resource, principal, selected);
    return (await readTitled(registry, { resource, where, limit: namedRecords })).map(
      ({ title }) => title,
    );
  }
};
