import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { parseKey } from '../../metadata/keys.ts';
import { createRecord, deleteRecord, type SaveContext, updateRecord } from '../../operations/save-record.ts';
import { assertCan } from '../../resources/permissions.ts';
import type { Action, Resource } from '../../resources/contract.ts';
import { findRecord, type ListedRecord } from '../../selection/list.ts';
import { assertFree } from '../../tasks/assert-free.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { principalOf } from '../negotiate.ts';
import { textsOf } from '../pages/bulk-field.ts';
import { backPath } from '../pages/list-state.ts';
import type { FormTexts } from '../pages/record-field.ts';
import { recordDeleteData, recordFormData, recordLockedData, recordPath, textsOfNew, textsOfRecord } from '../pages/record-form.ts';
import { parseRecord, shownTexts, typedTexts } from '../pages/record-input.ts';
import type { Urls } from '../pages/url.ts';
import { recordTexts } from '../texts/records.ts';

export interface RecordRoutes {
  context: TaskContext;
  url: Urls;
}

type ForResource = { Params: { resource: string }; Querystring: { _back?: string }; Body: Record<string, unknown> | undefined };
type ForRecord = { Params: { resource: string; id: string }; Querystring: { _back?: string }; Body: Record<string, unknown> | undefined };

interface About {
  resource: Resource;
  principal: Principal;
  /** The list's query to go back to. */
  back: string;
}

interface Form {
  record: ListedRecord | null;
  texts: FormTexts;
  was: FormTexts;
  error: AppError | null;
}

export const recordRoutes: FastifyPluginAsync<RecordRoutes> = async (app, { context, url }) => {
  const { db, register } = context;

  app.get<ForResource>('/:resource/new', async (request, reply) => {
    const about = aboutOf(request, 'create');
    const texts = textsOfNew(about.resource);
    return sendForm(reply, about, { record: null, texts, was: texts, error: null });
  });

  app.post<ForResource>('/:resource/new', async (request, reply) => {
    const about = aboutOf(request, 'create');
    const texts = typedTexts(about.resource, request.body ?? {});
    try {
      await createRecord(saveContext(about), parseRecord(about.resource, texts, null));
      const title = String(texts[about.resource.titleField] || about.resource.singular);
      return reply.flash('success', recordTexts.created(title)).redirect(url(backPath(about.resource, about.back)), 303);
    } catch (error) {
      return sendForm(reply, about, { record: null, texts, was: texts, error: invalid(error) });
    }
  });

  app.get<ForRecord>('/:resource/:id/edit', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'update');
    const record = await recordOf(about, key);
    try {
      await assertFree(db.pages, db.t, about.resource.model, key);
    } catch (error) {
      return sendLocked(reply, about, record, error, false);
    }
    const texts = textsOfRecord(about.resource, record);
    return sendForm(reply, about, { record, texts, was: texts, error: null });
  });

  app.post<ForRecord>('/:resource/:id/edit', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'update');
    const record = await recordOf(about, key);
    const body = request.body ?? {};
    const was = shownTexts(body, textsOfRecord(about.resource, record));
    const texts = { ...was, ...typedTexts(about.resource, body), ...fixedTexts(about.resource, record) };
    try {
      const values = parseRecord(about.resource, texts, was);
      if (values.size > 0) await updateRecord(saveContext(about), key, values);
      reply.flash(values.size > 0 ? 'success' : 'info', values.size > 0 ? recordTexts.saved(record.title) : recordTexts.unchanged);
      return reply.redirect(url(backPath(about.resource, about.back)), 303);
    } catch (error) {
      if (isLocked(error)) return sendLocked(reply, about, record, error, true);
      return sendForm(reply, about, { record, texts, was, error: invalid(error) });
    }
  });

  app.get<ForRecord>('/:resource/:id/delete', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'delete');
    const record = await recordOf(about, key, []);
    try {
      await assertFree(db.pages, db.t, about.resource.model, key);
    } catch (error) {
      return sendLocked(reply, about, record, error, false);
    }
    return reply.page('records/delete', recordDeleteData(about.resource, record, null, about.back, url));
  });

  app.post<ForRecord>('/:resource/:id/delete', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'delete');
    const record = await recordOf(about, key, []);
    try {
      await deleteRecord(saveContext(about), key);
      return reply.flash('success', recordTexts.deleted(record.title)).redirect(url(backPath(about.resource, about.back)), 303);
    } catch (error) {
      if (isLocked(error)) return sendLocked(reply, about, record, error, false);
      const refused = invalid(error);
      return reply.code(refused.status).page('records/delete', recordDeleteData(about.resource, record, refused, about.back, url));
    }
  });

  function aboutOf(request: FastifyRequest<ForResource>, action: Action): About {
    const principal = principalOf(request);
    const resource = register.for(principal, request.params.resource);
    assertCan(resource, principal, action);
    return { resource, principal, back: textsOf(request.query._back)[0] ?? '' };
  }

  function aboutRecord(request: FastifyRequest<ForRecord>, action: Action): { about: About; key: string } {
    const about = aboutOf(request as FastifyRequest<ForResource>, action);
    return { about, key: parseKey(about.resource.model, request.params.id) };
  }

  function recordOf({ resource, principal }: About, key: string, fields = resource.form): Promise<ListedRecord> {
    return findRecord(register, resource, principal, key, fields);
  }

  function saveContext({ resource, principal }: About): SaveContext {
    return { register, t: db.t, resource, principal, assertFree: (client, key) => assertFree(client, db.t, resource.model, key) };
  }

  async function sendForm(reply: FastifyReply, about: About, form: Form) {
    const data = await recordFormData({ ...form, ...about, register, url });
    return reply.code(form.error?.status ?? 200).page('records/form', data);
  }

  function sendLocked(reply: FastifyReply, about: About, record: ListedRecord, error: unknown, isSaving: boolean) {
    if (!isLocked(error)) throw error;
    const again = url(`${recordPath(about.resource, record.key)}/edit`);
    const data = recordLockedData({ ...about, key: record.key, title: record.title, error, again, isSaving, url });
    return reply.code(error.status).page('records/locked', data);
  }
};

// An id's control is disabled, and a disabled control is not sent.
function fixedTexts(resource: Resource, record: ListedRecord): FormTexts {
  const shown = textsOfRecord(resource, record);
  return Object.fromEntries(resource.form.filter(({ meta }) => meta.isId).map(({ name }) => [name, shown[name] ?? '']));
}

function isLocked(error: unknown): error is AppError {
  return error instanceof AppError && error.status === 423;
}

/** What the form can say; the rest is thrown on. */
function invalid(error: unknown): AppError {
  if (error instanceof AppError && (error.status === 422 || error.status === 503)) return error;
  throw error;
}
