import { textsOf } from '../../form-texts.ts';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { parseKey, whereKeys } from '../../metadata/keys.ts';
import { consequences } from '../../operations/consequences.ts';
import { assertNoFixedField } from '../../operations/fixed-fields.ts';
import { createRecord, deleteRecord, type SaveContext, updateRecord } from '../../operations/save-record.ts';
import { assertCan } from '../../resources/permissions.ts';
import type { Action, Resource } from '../../resources/contract.ts';
import { relatedLists } from '../../selection/related-lists.ts';
import { readRecord, type RecordValuesRead } from '../../selection/record.ts';
import { insertFormDelete } from '../../tasks/form-delete.ts';
import { findHolder } from '../../tasks/holders.ts';
import { assertFree } from '../../tasks/assert-free.ts';
import { holdersOf } from '../../tasks/holders.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { ownValue } from '../../own-value.ts';
import { principalOf } from '../negotiate.ts';
import type { Body } from '../pages/bulk-field.ts';
import { chooseData, chosenTexts, pairsOf } from '../pages/choose.ts';
import { consequencesData } from '../pages/consequences.ts';
import { backPath } from '../pages/list-state.ts';
import type { FormTexts } from '../pages/record-field.ts';
import { recordDeleteData, recordFormData, recordGoneData, recordLockedData, recordPath, titleOf } from '../pages/record-form.ts';
import { assertFresh, parseRecord, readSentForm, textsOfNew, textsOfRecord, typedSecrets, typedTexts } from '../pages/record-input.ts';
import { recordShowData } from '../pages/record-show.ts';
import type { Urls } from '../pages/url.ts';
import { openSecrets, type Sealing, sealSecret, sealSecrets } from '../sealed-secrets.ts';
import { followUpTexts } from '../texts/follow-ups.ts';
import { recordTexts } from '../texts/records.ts';

export interface RecordRoutes {
  context: TaskContext;
  url: Urls;
  secret: string;
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
  record: RecordValuesRead | null;
  texts: FormTexts;
  was: FormTexts;
  error: AppError | null;
}

export const recordRoutes: FastifyPluginAsync<RecordRoutes> = async (app, { context, url, secret }) => {
  const { db, register } = context;
  const typed = { config: { shownAgain: { _return: '1' } } };

  app.get<ForResource>('/:resource/new', async (request, reply) => {
    const about = aboutOf(request, 'create');
    const texts = textsOfNew(about.resource);
    return sendForm(reply, about, { record: null, texts, was: texts, error: null });
  });

  app.post<ForResource>('/:resource/new', typed, async (request, reply) => {
    const about = aboutOf(request, 'create');
    const body = await openSecrets(sealingOf(about), about.resource, request.body ?? {});
    assertNoFixedField(about.resource, Object.keys(body));
    const texts = typedTexts(about.resource, body);
    const form: Form = { record: null, texts, was: texts, error: null };
    const step = await sendStep(request, reply, about, form);
    if (step) return step;
    try {
      const key = await createRecord(saveContext(about), parseRecord(about.resource, texts, null));
      const title = String(ownValue(texts, about.resource.titleField) || about.resource.singular);
      return reply.flash('success', recordTexts.created(title)).redirect(afterSave(about, key), 303);
    } catch (error) {
      return sendForm(reply, about, { ...form, error: sayable(error) });
    }
  });

  app.get<ForRecord>('/:resource/:id', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'list');
    const { resource, principal } = about;
    const record = await recordOf(about, key, resource.show);
    const [lists, holder] = await Promise.all([
      relatedLists(register.client, resource, principal, key),
      findHolder(db.pages, db.t, resource.model.name, key),
    ]);
    return reply.page('records/show', await recordShowData({ ...about, register, record, lists, holder, url }));
  });

  app.get<ForRecord>('/:resource/:id/edit', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'update');
    const record = await recordOf(about, key);
    try {
      await assertFree(db.pages, db.t, about.resource, key);
    } catch (error) {
      return sendLocked(reply, about, record, error, null);
    }
    const texts = textsOfRecord(about.resource, record);
    return sendForm(reply, about, { record, texts, was: texts, error: null });
  });

  app.post<ForRecord>('/:resource/:id/edit', typed, async (request, reply) => {
    const { about, key } = aboutRecord(request, 'update');
    const body = await openSecrets(sealingOf(about), about.resource, request.body ?? {});
    assertNoFixedField(about.resource, Object.keys(body));
    const record = await recordOf(about, key).catch(nullIfGone);
    if (!record) return reply.code(404).page('records/gone', recordGoneData(about, typedTexts(about.resource, body), url));
    const sent = readSentForm(about.resource, body, record);
    const form: Form = { record, ...sent, error: null };
    const step = await sendStep(request, reply, about, form);
    if (step) return step;
    try {
      const values = parseRecord(about.resource, sent.texts, sent.was);
      const isSaved =
        values.size > 0 &&
        (await updateRecord(saveContext(about), key, (current) => {
          assertFresh(about.resource, sent, values.keys(), current);
          return values;
        }));
      reply.flash(isSaved ? 'success' : 'info', isSaved ? recordTexts.saved(titleOf(about.resource, record)) : recordTexts.unchanged);
      return reply.redirect(afterSave(about, key), 303);
    } catch (error) {
      if (isLocked(error)) return sendLocked(reply, about, record, error, body);
      return sendForm(reply, about, { ...form, error: sayable(error) });
    }
  });

  app.get<ForRecord>('/:resource/:id/delete', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'delete');
    const record = await recordOf(about, key, []);
    try {
      await assertFree(db.pages, db.t, about.resource, key);
    } catch (error) {
      return sendLocked(reply, about, record, error, null);
    }
    return sendDelete(reply, about, record, null);
  });

  app.post<ForRecord>('/:resource/:id/delete', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'delete');
    const record = await recordOf(about, key, []);
    try {
      const taskId = await deleteRecord(saveContext(about), key);
      return reply
        .flash('success', recordTexts.deleted(titleOf(about.resource, record)), {
          href: url(`/tasks/${taskId}/undo`),
          label: followUpTexts.undo,
        })
        .redirect(url(backPath(about.resource, about.back)), 303);
    } catch (error) {
      if (isLocked(error)) return sendLocked(reply, about, record, error, null);
      return sendDelete(reply, about, record, sayable(error));
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

  function recordOf({ resource, principal }: About, key: string, fields = resource.form): Promise<RecordValuesRead> {
    return readRecord(register.client, resource, principal, key, fields);
  }

  function sealingOf({ principal }: About): Sealing {
    return { secret, principalId: principal.id };
  }

  function saveContext({ resource, principal }: About): SaveContext {
    const { log } = context;
    return {
      register,
      t: db.t,
      resource,
      principal,
      assertFree: (client, key) => assertFree(client, db.t, resource, key),
      keepAsTask: (client, key) => insertFormDelete(client, db, { resource, principal }, key),
      holdersOf: holdersOf(db.t),
      log,
    };
  }

  function afterSave({ resource, back }: About, _key: string): string {
    return url(backPath(resource, back));
  }

  async function sendForm(reply: FastifyReply, about: About, form: Form) {
    const sealed = new Map<string, string>();
    for (const { name, value } of typedSecrets(about.resource, form.texts))
      sealed.set(name, await sealSecret(sealingOf(about), name, value));
    const isUnsaved = reply.request.method === 'POST';
    const data = await recordFormData({ ...form, ...about, isUnsaved, sealed, register, sql: db.pages, url });
    return reply.code(form.error?.status ?? 200).page('records/form', data);
  }

  async function sendDelete(reply: FastifyReply, about: About, record: RecordValuesRead, error: AppError | null) {
    const { resource, principal } = about;
    const where = whereKeys(resource.model, [record.key]);
    const undoer = { principal, days: context.settings.undoRetentionDays, action: 'delete' } as const;
    const data = consequencesData(register, resource, await consequences(db, register, resource, principal, where), url, undoer);
    return reply.code(error?.status ?? 200).page('records/delete', recordDeleteData(about, record, error, data, url));
  }

  /** Searching and choosing a related record without JavaScript; null: the form is to be saved. */
  async function sendStep(request: FastifyRequest, reply: FastifyReply, about: About, form: Form): Promise<FastifyReply | null> {
    const body = (request.body ?? {}) as Body;
    const step = await chooseData({ register, sql: db.pages, ...about, action: request.url }, body);
    if (step) return reply.page('records/choose', { ...step, kept: await sealSecrets(sealingOf(about), about.resource, step.kept) });
    const texts = chosenTexts(about.resource, form.texts, body);
    return texts ? sendForm(reply, about, { ...form, texts }) : null;
  }

  /** `typed` is the form that was refused, kept to be sent again. */
  async function sendLocked(reply: FastifyReply, about: About, record: RecordValuesRead, error: unknown, typed: Body | null) {
    if (!isLocked(error)) throw error;
    const again = url(`${recordPath(about.resource, record.key)}/edit`);
    const title = titleOf(about.resource, record);
    const kept = typed ? await sealSecrets(sealingOf(about), about.resource, pairsOf(typed)) : null;
    const data = recordLockedData({ ...about, register, key: record.key, title, error, again, kept, url });
    return reply.code(error.status).page('records/locked', data);
  }
};

function isLocked(error: unknown): error is AppError {
  return error instanceof AppError && error.status === 423;
}

function nullIfGone(error: unknown): null {
  if (error instanceof AppError && error.status === 404) return null;
  throw error;
}

/** What the form can say; the rest is thrown on. */
function sayable(error: unknown): AppError {
  if (error instanceof AppError && [409, 422, 503].includes(error.status)) return error;
  throw error;
}
