import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError, notFound } from '../../errors.ts';
import { sizeInWords } from '../../fields/bytes.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import type { FormTexts } from '../../form-texts.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { parseKey, whereKeys } from '../../metadata/keys.ts';
import { consequences } from '../../operations/cascade/consequences.ts';
import { readHistory } from '../../operations/journal/history.ts';
import { assertNoFixedField } from '../../operations/rules/fixed-fields.ts';
import {
  createRecord,
  deleteRecord,
  type SaveContext,
  updateRecord,
} from '../../operations/save-record.ts';
import { ownProperty } from '../../own-property.ts';
import type { Action } from '../../resources/actions.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { assertCan } from '../../resources/permissions.ts';
import { titleText } from '../../selection/cut.ts';
import { type RecordValuesRead, readRecord, readWhole } from '../../selection/record.ts';
import { relatedLists } from '../../selection/related-lists.ts';
import { isSlowDelete, queueFormDelete } from '../../tasks/launching/form-delete.ts';
import { buttonsAt } from '../../tasks/launching/launch-buttons.ts';
import { saveContextOf } from '../../tasks/launching/save-context.ts';
import { listTasksAbout } from '../../tasks/looking/about.ts';
import { assertFree } from '../../tasks/looking/assert-free.ts';
import { findHolder } from '../../tasks/looking/holders.ts';
import type { Body } from '../form.ts';
import { formatTimestamp } from '../format.ts';
import { backPath } from '../list-address.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { openSecrets, type Sealing, sealSecret, sealSecrets } from '../sealed-secrets.ts';
import { followUpTexts } from '../tasks/follow-ups-texts.ts';
import { namedHolders, type ShownHolder } from '../tasks/task-title.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import { chooseData, chosenTexts, pairsOf } from './choose.ts';
import { consequencesData, putAwayData } from './consequences.ts';
import {
  deletedText,
  recordDeleteData,
  recordFormData,
  recordGoneData,
  recordLockedData,
  recordPath,
  titleOf,
} from './record-form.ts';
import {
  assertFresh,
  emptyText,
  parseChanged,
  parseNew,
  readSentForm,
  textsOfNew,
  textsOfRecord,
  typedSecrets,
  typedTexts,
  type WasTexts,
  wasOfRecord,
} from './record-input.ts';
import { recordShowData } from './record-show.ts';
import { recordTexts } from './records-texts.ts';

type ForResource = {
  Params: { resource: string };
  Querystring: { _back?: string; _for?: string };
  Body: Record<string, unknown> | undefined;
};
type ForField = {
  Params: { resource: string; id: string; field?: string };
  Querystring: { _back?: string };
  Body: Record<string, unknown> | undefined;
};
type ForRecord = {
  Params: { resource: string; id: string };
  Querystring: { _back?: string; _made?: string };
  Body: Record<string, unknown> | undefined;
};

interface About {
  /** With the one field of the page on its form, where the page is about one. */
  resource: Resource;
  field: ResourceField | null;
  whole: Resource;
  principal: Principal;
  /** The list's query to go back to. */
  back: string;
}

interface Form {
  record: RecordValuesRead | null;
  texts: FormTexts;
  was: WasTexts;
  error: AppError | null;
  /** The control of another page that is to choose the new record. */
  madeFor?: string | null;
}

export const recordRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context, url, secret },
) => {
  const { db, registry } = context;
  // A form that is too large is read all the same, so that it can be given back.
  const typed = { config: { shownAgain: { _return: '1' } }, bodyLimit: limits.form.textFormBytes };

  app.get<ForResource>('/:resource/new', async (request, reply) => {
    const about = aboutOf(request, 'create');
    const texts = textsOfNew(about.resource);
    return sendForm(reply, about, {
      record: null,
      texts,
      was: {},
      error: null,
      madeFor: madeFor(request.query),
    });
  });

  app.post<ForResource>('/:resource/new', typed, async (request, reply) => {
    const about = aboutOf(request, 'create');
    const body = await openSecrets(sealingOf(about), about.resource, request.body ?? {});
    assertNoFixedField(about.resource, Object.keys(body));
    const texts = typedTexts(about.resource, body);
    const form: Form = {
      record: null,
      texts,
      was: {},
      error: tooLarge(request, about.resource, texts),
      madeFor: madeFor(request.query),
    };
    if (form.error) return sendForm(reply, about, form);
    if (await isStepSent(request, reply, about, form)) return reply;
    try {
      const key = await createRecord(saveContext(about), parseNew(about.resource, texts));
      const title =
        titleText(ownProperty(texts, about.resource.titleField)).replace(emptyText, '') ||
        about.resource.singular;
      const token = madeFor(request.query);
      if (token === null)
        return reply
          .flash('success', recordTexts.created(title))
          .redirect(afterSave(about, key), 303);
      return reply
        .flash('success', recordTexts.createdFor(title))
        .redirect(url(`${recordPath(about.resource, key)}?_made=${token}`), 303);
    } catch (error) {
      return sendForm(reply, about, { ...form, error: sayable(error) });
    }
  });

  app.get<ForRecord>('/:resource/:id', async (request, reply) => {
    const { about, key } = aboutRecord(request, 'list');
    const { resource, principal } = about;
    const record = await recordOf(about, key, resource.show);
    const [lists, tasks, found] = await Promise.all([
      relatedLists(registry, resource, principal, key),
      listTasksAbout(context, principal, resource.model.name, key),
      findHolder(db.pages, db.t, resource.model.name, key),
    ]);
    const [holder = null] = await namedHolders(context, principal, found ? [found] : []);
    const buttons = buttonsAt(context, principal, 'record', resource);
    const shown = { ...about, registry, record, lists, tasks, buttons, holder, url };
    const data = await recordShowData(shown);
    return reply.page('records/show', {
      ...data,
      scripts: request.query._made === undefined ? [] : ['made.js'],
    });
  });

  for (const path of ['/:resource/:id/edit', '/:resource/:id/edit/:field'] as const) {
    app.get<ForField>(path, async (request, reply) => {
      const { about, key } = aboutRecord(request, 'update');
      const record = await recordOf(about, key);
      try {
        await assertFree(db.pages, db.t, about.resource, key);
      } catch (error) {
        return sendLocked(reply, about, record, error, null);
      }
      const texts = textsOfRecord(about.resource, record);
      return sendForm(reply, about, {
        record,
        texts,
        was: wasOfRecord(about.resource, record),
        error: null,
      });
    });

    app.post<ForField>(path, typed, async (request, reply) => {
      const { about, key } = aboutRecord(request, 'update');
      const body = await openSecrets(sealingOf(about), about.resource, request.body ?? {});
      assertNoFixedField(about.whole, Object.keys(body));
      const record = await recordOf(about, key).catch(nullIfGone);
      if (!record)
        return reply
          .code(404)
          .page('records/gone', recordGoneData(about, typedTexts(about.resource, body), url));
      const sent = readSentForm(about.resource, body, record);
      const form: Form = {
        record,
        ...sent,
        error: about.field
          ? tooLong(about.field, sent.texts)
          : tooLarge(request, about.resource, sent.texts),
      };
      if (form.error) return sendForm(reply, about, form);
      if (await isStepSent(request, reply, about, form)) return reply;
      try {
        const values = parseChanged(about.resource, sent, record);
        const isSaved =
          values.size > 0 &&
          (await updateRecord(saveContext(about), key, (current) => {
            assertFresh(about.resource, sent, values.keys(), current);
            return values;
          }));
        reply.flash(
          isSaved ? 'success' : 'info',
          isSaved ? recordTexts.saved(titleOf(about.resource, record)) : recordTexts.unchanged,
        );
        return reply.redirect(afterSave(about, key), 303);
      } catch (error) {
        if (isLocked(error)) return sendLocked(reply, about, record, error, body);
        return sendForm(reply, about, { ...form, error: sayable(error) });
      }
    });
  }

  /** All of a value, which the record's page cuts off. */
  app.get<ForField>('/:resource/:id/value/:field', async (request, reply) => {
    const { resource, principal } = aboutOf(request as FastifyRequest<ForResource>, 'list');
    const key = parseKey(resource.model, request.params.id);
    const field = [...resource.show, ...resource.form].find(
      ({ name }) => name === request.params.field,
    );
    if (!field?.meta.column || field.isSecret || field.relation || field.meta.type === 'Bytes')
      throw notFound();
    return reply
      .type('text/plain; charset=utf-8')
      .send((await readWhole(registry, resource, principal, key, field)) ?? '');
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
      if (await isSlowDelete(context, about, key)) {
        const task = await queueFormDelete(context, about, key);
        return reply
          .flash('info', recordTexts.deletedLater(titleOf(about.resource, record)), {
            href: url(`/tasks/${task.id}`),
            label: taskTexts.showTask,
          })
          .redirect(url(backPath(about.resource, about.back)), 303);
      }
      const taskId = await deleteRecord(saveContext(about), key);
      return reply
        .flash('success', deletedText(about.resource, record), {
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
    const resource = registry.for(principal, request.params.resource);
    assertCan(resource, principal, action);
    return {
      resource,
      field: null,
      whole: resource,
      principal,
      back: textsOf(request.query._back)[0] ?? '',
    };
  }

  function aboutRecord(
    request: FastifyRequest<ForField>,
    action: Action,
  ): { about: About; key: string } {
    const about = aboutOf(request as FastifyRequest<ForResource>, action);
    const key = parseKey(about.resource.model, request.params.id);
    const name = request.params.field;
    return { about: name === undefined ? about : aboutField(about, name), key };
  }

  function aboutField(about: About, name: string): About {
    const field = about.resource.form.find((one) => one.name === name);
    if (
      !field ||
      field.isReadOnly ||
      field.isSecret ||
      field.meta.isId ||
      getFieldKind(field).input === 'none'
    )
      throw notFound();
    const formGroups = [{ label: null, help: null, fields: [field] }];
    return { ...about, field, resource: { ...about.resource, form: [field], formGroups } };
  }

  function sealingOf({ principal }: About): Sealing {
    return { secret, principalId: principal.id };
  }

  function recordOf(
    { resource, field, principal }: About,
    key: string,
    fields = resource.form,
  ): Promise<RecordValuesRead> {
    return readRecord(registry, resource, principal, key, fields, { isWhole: field !== null });
  }

  function saveContext({ resource, field, principal }: About): SaveContext {
    return { ...saveContextOf(context, resource, principal), isWhole: field !== null };
  }

  function afterSave({ resource, field, back }: About, key: string): string {
    if (field)
      return url(
        `${recordPath(resource, key)}/edit${back === '' ? '' : `?_back=${encodeURIComponent(back)}`}`,
      );
    return url(backPath(resource, back));
  }

  async function sendForm(reply: FastifyReply, about: About, form: Form) {
    const sealed = new Map<string, string>();
    for (const { name, value } of typedSecrets(about.resource, form.texts))
      sealed.set(name, await sealSecret(sealingOf(about), name, value));
    const isUnsaved = reply.request.method === 'POST';
    const changedBy = await whoChanged(about, form);
    const data = await recordFormData({
      ...form,
      ...about,
      changedBy,
      isUnsaved,
      sealed,
      registry,
      sql: db.pages,
      url,
    });
    return reply.code(form.error?.status ?? 200).page('records/form', data);
  }

  /**
   * Who gave a stale form's fields their values meanwhile; null: it is not stale, or they were not
   * changed here.
   */
  async function whoChanged({ resource }: About, { record, error }: Form): Promise<string | null> {
    const stale = (error?.details.stale ?? []).map(({ name }) => name);
    if (!record || stale.length === 0) return null;
    const { entries } = await readHistory(db, resource, record.key, null);
    const last = entries.find(({ values }) =>
      values?.some(({ field }) => stale.includes(field.name)),
    );
    return last
      ? recordTexts.staleBy(
          last.principalName,
          formatTimestamp(last.at, new Date(), resource.reader.timeZone),
        )
      : null;
  }

  async function sendDelete(
    reply: FastifyReply,
    about: About,
    record: RecordValuesRead,
    error: AppError | null,
  ) {
    const { resource, principal } = about;
    const where = whereKeys(resource.model, [record.key]);
    const undoer = {
      principal,
      days: context.settings.undoRetentionDays,
      action: 'delete',
    } as const;
    const data = resource.hooks.delete
      ? putAwayData(undoer.days)
      : consequencesData(
          registry,
          resource,
          await consequences(db, registry, resource, principal, where),
          url,
          undoer,
        );
    return reply
      .code(error?.status ?? 200)
      .page('records/delete', recordDeleteData(about, record, error, data, url));
  }

  /** Searching and choosing a related record without JavaScript; false: the form is to be saved. */
  async function isStepSent(
    request: FastifyRequest,
    reply: FastifyReply,
    about: About,
    form: Form,
  ): Promise<boolean> {
    const body = (request.body ?? {}) as Body;
    const step = await chooseData({ registry, sql: db.pages, ...about, action: request.url }, body);
    if (step) {
      reply.page('records/choose', {
        ...step,
        kept: await sealSecrets(sealingOf(about), about.resource, step.kept),
      });
      return true;
    }
    const texts = chosenTexts(about.resource, form.texts, body);
    // Awaited, an answer is over, and is no value.
    if (texts) await sendForm(reply, about, { ...form, texts });
    return texts !== null;
  }

  /** `typed` is the form that was refused, kept to be sent again. */
  async function sendLocked(
    reply: FastifyReply,
    about: About,
    record: RecordValuesRead,
    error: unknown,
    typed: Body | null,
  ) {
    if (!isLocked(error)) throw error;
    const again = url(
      `${recordPath(about.resource, record.key)}/edit${about.field ? `/${encodeURIComponent(about.field.name)}` : ''}`,
    );
    const title = titleOf(about.resource, record);
    const kept = typed ? await sealSecrets(sealingOf(about), about.resource, pairsOf(typed)) : null;
    const [holder] = await namedHolders(
      context,
      about.principal,
      error.details.holder ? [error.details.holder] : [],
    );
    const data = recordLockedData({
      ...about,
      key: record.key,
      title,
      holder: holder as ShownHolder,
      again,
      kept,
      url,
    });
    return reply.code(error.status).page('records/locked', data);
  }
};

/** Null: nobody waits for what is made. */
function madeFor({ _for: token }: { _for?: unknown }): string | null {
  return typeof token === 'string' && /^[\w-]{1,64}$/.test(token) ? token : null;
}

function isLocked(error: unknown): error is AppError {
  return error instanceof AppError && error.status === 423;
}

/** More was sent than a form takes: it comes back as it was typed. */
function tooLarge(
  { headers, body }: FastifyRequest,
  resource: Resource,
  texts: FormTexts,
): AppError | null {
  const sizes = pairsOf((body ?? {}) as Body).map(
    ({ name, value }) => name.length + Buffer.byteLength(value) + 2,
  );
  const all = Number(headers['content-length'] ?? 0) || sizes.reduce((sum, one) => sum + one, 0);
  if (all <= limits.form.bytes) return null;
  const byLength = resource.form
    .map((field) => ({ field, bytes: bytesOf(ownProperty(texts, field.name)) }))
    .sort((one, other) => other.bytes - one.bytes);
  const longest = byLength
    .filter(({ bytes }, place) => place === 0 || bytes > limits.record.valueBytes)
    .map(({ field }) => field);
  const fieldErrors = Object.fromEntries(
    longest.map(({ name, label }) => [
      name,
      recordTexts.tooLargeField(label, sizeInWords(limits.form.bytes)),
    ]),
  );
  const message = recordTexts.tooLarge(sizeInWords(limits.form.bytes));
  return new AppError('too-large', 413, message, {
    fieldErrors,
    longest: longest.map(({ name }) => name),
  });
}

function tooLong({ name, label }: ResourceField, texts: FormTexts): AppError | null {
  if (bytesOf(ownProperty(texts, name)) <= limits.form.textBytes) return null;
  const message = recordTexts.tooLargeText(label, sizeInWords(limits.form.textBytes));
  return new AppError('too-large', 413, message, { fieldErrors: { [name]: message }, longest: [] });
}

function bytesOf(text: string | readonly string[] | undefined): number {
  return Buffer.byteLength([text ?? ''].flat().join(''));
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
