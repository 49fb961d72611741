import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { AppError } from '../../errors.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { typedInWords } from '../../fields/in-words.ts';
import type { FormTexts } from '../../form-texts.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import { findHolding } from '../../selection/find-holding.ts';
import type { RecordValuesRead } from '../../selection/record.ts';
import { relatedTitles, relationTarget } from '../../selection/related.ts';
import { heldMessage } from '../../tasks/looking/assert-free.ts';
import { excerpt } from '../controls/excerpt.ts';
import { backPath } from '../list-address.ts';
import type { ShownHolder } from '../tasks/task-title.ts';
import type { Url } from '../url.ts';
import type { ConsequencesData } from './consequences.ts';
import { isRequired, type RecordField, recordField } from './record-field.ts';
import { emptyText, type StaleField, shownTexts, type WasTexts } from './record-input.ts';
import { recordTexts } from './records-texts.ts';

export interface RecordFormData {
  title: string;
  heading: string;
  action: string;
  back: { href: string; label: string };
  delete: { href: string; label: string } | null;
  submitText: string;
  groups: readonly { label: string | null; help: string | null; fields: readonly RecordField[] }[];
  /**
   * What the controls showed when the form was opened, as JSON: only what differs from it is
   * written.
   */
  was: string;
  /** The values that somebody else gave meanwhile, as JSON; empty: there was no conflict. */
  theirs: string;
  summary: FormSummary | null;
  /** It came back with what was typed. */
  isUnsaved: boolean;
  scripts: readonly string[];
  words: typeof recordTexts;
}

export interface FormSummary {
  heading: string;
  message: string | null;
  errors: readonly { href: string; text: string }[];
}

export interface FormParts {
  registry: ResourceRegistry;
  sql: Queryable;
  resource: Resource;
  principal: Principal;
  /** Null for a new record. */
  record: RecordValuesRead | null;
  texts: FormTexts;
  was: WasTexts;
  error: AppError | null;
  isUnsaved: boolean;
  /** The control of another page that is to choose the new record. */
  madeFor?: string | null;
  /** Of a stale form: who saved meanwhile, in words. */
  changedBy?: string | null;
  /** Secrets that were typed, sealed, by field. */
  sealed: ReadonlyMap<string, string>;
  /** The list's query to go back to. */
  back: string;
  /** The one that the page is about; null: all of the record's. */
  field: ResourceField | null;
  url: Url;
}

export function recordPath(resource: Resource, key: string): string {
  return `/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, key))}`;
}

export async function recordFormData(parts: FormParts): Promise<RecordFormData> {
  const { resource, principal, record, was, error, back, field: one, url } = parts;
  const backQuery = back === '' ? '' : `?_back=${encodeURIComponent(back)}`;
  const query = parts.madeFor ? `?_for=${parts.madeFor}` : backQuery;
  const fieldErrors = error?.details.fieldErrors ?? {};
  const stale = new Map((error?.details.stale ?? []).map((field) => [field.name, field]));
  const taken = error?.details.taken ?? [];
  const holder = taken.length > 0 ? await holderOf(parts, taken) : null;
  const fields = await Promise.all(
    resource.form.map(async (field) => {
      const conflict = stale.get(field.name);
      return recordField(field, {
        ...parts,
        error: ownProperty(fieldErrors, field.name) ?? null,
        errorLink: taken.includes(field.name) ? holder : null,
        conflict: conflict ? await conflictOf(parts, field, conflict) : null,
        isTooLong:
          error?.code === 'too-large' && error.details.longest?.includes(field.name) === true,
        isOverfull: record?.overfull.includes(field.name) ?? false,
        sealed: parts.sealed.get(field.name) ?? null,
      });
    }),
  );
  const title = record && titleOf(resource, record);
  const heading =
    title === null
      ? recordTexts.newHeading(resource.singular)
      : one
        ? recordTexts.fieldHeading(one.label, title)
        : recordTexts.editHeading(title);
  const path = record ? recordPath(resource, record.key) : `/${resource.slug}`;
  const own = one ? `/${encodeURIComponent(one.name)}` : '';
  return {
    title: heading,
    heading,
    action: url(`${path}/${record ? 'edit' : 'new'}${own}${query}`),
    back: one
      ? { href: url(`${path}/edit${backQuery}`), label: recordTexts.backTo(title ?? '') }
      : { href: url(backPath(resource, back)), label: recordTexts.back(resource.label) },
    delete:
      record && !one && can(resource, principal, 'delete')
        ? { href: url(`${path}/delete${backQuery}`), label: deleteLinkText(resource) }
        : null,
    submitText: record ? recordTexts.save : recordTexts.create,
    groups: groupsOf(resource, one ? fields.map(tall) : fields, record === null),
    was: JSON.stringify(was),
    theirs:
      stale.size > 0
        ? JSON.stringify(Object.fromEntries([...stale].map(([name, { now }]) => [name, now])))
        : '',
    summary: error ? summaryOf(error, fields, parts.changedBy ?? null) : null,
    isUnsaved: parts.isUnsaved,
    scripts: ['picker.js'],
    words: recordTexts,
  };
}

/** A text on a page of its own has the page for it. */
function tall(field: RecordField): RecordField {
  return { ...field, input: { ...field.input, rows: 24 } };
}

/**
 * The groups of the form with the controls that this principal has; what a new record does not have
 * yet is left out.
 */
function groupsOf(
  resource: Resource,
  fields: readonly RecordField[],
  isNew: boolean,
): RecordFormData['groups'] {
  const isLater = (own: ResourceField) =>
    own.isReadOnly || (own.isSecret && !isRequired(own, true));
  const isShown = (own: ResourceField) =>
    !(isNew && isLater(own)) && fields.some((field) => field.name === own.name);
  return resource.formGroups
    .map(({ label, help, fields: own }) => ({
      label,
      help,
      fields: own
        .filter(isShown)
        .map(({ name }) => fields.find((field) => field.name === name) as RecordField),
    }))
    .filter((group) => group.fields.length > 0);
}

/** The record that has the values which are taken, where it may be seen. */
async function holderOf(
  { registry, resource, principal, texts, url }: FormParts,
  taken: readonly string[],
) {
  const values = new Map<ResourceField, unknown>();
  for (const field of resource.form.filter(({ name }) => taken.includes(name))) {
    const parsed = getFieldKind(field).parse(texts[field.name], field, resource.reader);
    if ('error' in parsed) return null;
    values.set(field, parsed.value);
  }
  const found = await findHolding(registry, resource, principal, values);
  return (
    found && {
      href: url(`/${resource.slug}/${encodeURIComponent(found.id)}`),
      label: recordTexts.takenBy(found.title),
    }
  );
}

/** What a record is called; without a title, its id. */
export function titleOf(
  resource: Resource,
  { key, title }: { key: string; title: string },
): string {
  return title.trim() || keyToUrl(resource.model, key);
}

async function conflictOf(
  { registry, resource, principal, texts }: FormParts,
  field: ResourceField,
  { name, was, theirs }: StaleField,
) {
  const values = [theirs, ownProperty(texts, name) ?? '', was ?? ''].map((value) =>
    [value === emptyText ? '' : value].flat(),
  );
  const target = relationTarget(resource, field);
  const titles = target
    ? await relatedTitles(registry, target, principal, values.flat())
    : new Map<string, string>();
  const said = values.map((value) =>
    value.map((item) => titles.get(item) ?? typedInWords(item, field, resource.reader)).join(', '),
  );
  const written = values.map((value) => value.join(', '));
  // Two that differ where cells do not say it are shown as they are written.
  const isTold = new Set(said).size === new Set(written).size;
  const [other = '', mine = '', before = ''] = isTold || target ? said : written;
  const shown = excerpt({ before: other, after: mine });
  const orNothing = (text: string | null) => text || recordTexts.nothing;
  return {
    name: `_keep.${name}`,
    was: was === null ? null : orNothing(before),
    theirs: orNothing(shown.before),
    mine: orNothing(shown.after),
  };
}

function summaryOf(
  error: AppError,
  fields: readonly RecordField[],
  changedBy: string | null,
): FormSummary {
  const conflicts = fields.filter(({ conflict }) => conflict !== null);
  if (conflicts.length > 0) {
    const errors = conflicts.map(({ id, label }) => ({
      href: `#${id}-theirs`,
      text: recordTexts.conflictAt(label),
    }));
    const message = [error.message, changedBy, recordTexts.staleHint]
      .filter((sentence) => sentence !== null)
      .join(' ');
    return { heading: recordTexts.staleHeading, message, errors };
  }
  const errors = fields.flatMap((field) =>
    field.error ? [{ href: `#${field.id}`, text: field.error }] : [],
  );
  if (errors.length === 0) return { heading: recordTexts.refused, message: error.message, errors };
  return { heading: recordTexts.errors(errors.length), message: null, errors };
}

export interface RecordDeleteData {
  title: string;
  heading: string;
  warning: string;
  action: string;
  back: { href: string; label: string };
  message: string | null;
  consequences: ConsequencesData;
  /** Of the button that does it. */
  submit: string;
  words: typeof recordTexts;
}

/** What was done to a record, once it is gone from sight. */
export function deletedText(resource: Resource, record: { key: string; title: string }): string {
  const done = resource.hooks.delete ? recordTexts.putAwayDone : recordTexts.deleted;
  return done(titleOf(resource, record));
}

/** Of what leads to a record's delete page. */
export function deleteLinkText({ hooks }: Resource): string {
  return hooks.delete ? recordTexts.putAwayLink : recordTexts.deleteLink;
}

export function recordDeleteData(
  { resource, back }: { resource: Resource; back: string },
  record: { key: string; title: string },
  error: AppError | null,
  consequences: ConsequencesData,
  url: Url,
): RecordDeleteData {
  const path = recordPath(resource, record.key);
  const isPutAway = resource.hooks.delete !== undefined;
  const title = titleOf(resource, record);
  const heading = (isPutAway ? recordTexts.putAwayHeading : recordTexts.deleteHeading)(title);
  const warn = isPutAway ? recordTexts.putAwayWarning : recordTexts.deleteWarning;
  return {
    title: heading,
    heading,
    warning: (consequences.isForbidden ? recordTexts.deleteForbidden : warn)(
      resource.singular,
      title,
    ),
    submit: isPutAway ? recordTexts.putAway : recordTexts.delete,
    action: url(`${path}/delete${back === '' ? '' : `?_back=${encodeURIComponent(back)}`}`),
    back: { href: url(backPath(resource, back)), label: recordTexts.cancel },
    message: error?.message ?? null,
    consequences,
    words: recordTexts,
  };
}

export interface RecordLockedData {
  title: string;
  heading: string;
  message: string;
  who: string;
  hint: string;
  /** Null: the task is somebody else's, and its progress is not shown. */
  progressUrl: string;
  task: { href: string; label: string } | null;
  again: { href: string; label: string };
  kept: LockedPageForm;
  back: { href: string; label: string };
}

export interface LockedParts {
  resource: Resource;
  key: string;
  title: string;
  holder: ShownHolder;
  /** The form's own address, to come back to. */
  again: string;
  back: string;
  /** The form that was refused, to be sent again; null: it was only to be opened. */
  kept: LockedPageForm;
  url: Url;
}

type LockedPageForm = readonly { name: string; value: string }[] | null;

export function recordLockedData({
  resource,
  key,
  title,
  holder,
  again,
  back,
  kept,
  url,
}: LockedParts): RecordLockedData {
  const heading = recordTexts.lockedHeading(title);
  return {
    title: heading,
    heading,
    message: heldMessage(holder),
    who: recordTexts.lockedBy(holder.principalName, holder.title),
    hint: kept ? recordTexts.lockedSave : recordTexts.lockedOpen,
    progressUrl: url(`${recordPath(resource, key)}/lock`),
    task: holder.isSeen ? { href: url(`/tasks/${holder.taskId}`), label: holder.title } : null,
    again: { href: again, label: kept ? recordTexts.saveAgain : recordTexts.tryAgain },
    kept,
    back: { href: url(backPath(resource, back)), label: recordTexts.back(resource.label) },
  };
}

/** What was to be saved is no longer there; what was typed is shown, so that it is not lost. */
export interface RecordGoneData {
  title: string;
  heading: string;
  message: string;
  typed: readonly { label: string; text: string }[];
  back: { href: string; label: string };
  words: typeof recordTexts;
}

export function recordGoneData(
  { resource, back }: { resource: Resource; back: string },
  texts: FormTexts,
  url: Url,
): RecordGoneData {
  const seen = shownTexts(resource, texts);
  const typed = resource.form.map(({ name, label }) => ({
    label,
    text: [ownProperty(seen, name) ?? []].flat().join(', ').replace(emptyText, ''),
  }));
  return {
    title: recordTexts.goneHeading,
    heading: recordTexts.goneHeading,
    message: recordTexts.goneMessage,
    typed: typed.filter(({ text }) => text !== ''),
    back: { href: url(backPath(resource, back)), label: recordTexts.back(resource.label) },
    words: recordTexts,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'records/form': RecordFormData;
    'records/delete': RecordDeleteData;
    'records/locked': RecordLockedData;
    'records/gone': RecordGoneData;
  }
}
