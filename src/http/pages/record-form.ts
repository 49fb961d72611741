import type { Principal } from '../../auth/principal.ts';
import type { AppError } from '../../errors.ts';
import { getFieldKind } from '../../fields/register.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { can } from '../../resources/permissions.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import type { ListedRecord } from '../../selection/list.ts';
import type { Holder } from '../../tasks/holders.ts';
import { seesAllTasks } from '../../tasks/queries.ts';
import { recordTexts } from '../texts/records.ts';
import { backPath } from './list-state.ts';
import { type FormTexts, type RecordField, recordField } from './record-field.ts';
import type { Urls } from './url.ts';

export interface RecordFormData {
  title: string;
  heading: string;
  action: string;
  back: { href: string; label: string };
  delete: { href: string; label: string } | null;
  submitText: string;
  fields: readonly RecordField[];
  /** What the controls showed when the form was opened, as JSON: only what differs from it is written. */
  was: string;
  summary: { heading: string; message: string | null; errors: readonly { href: string; text: string }[] } | null;
  words: typeof recordTexts;
}

export interface FormParts {
  register: Register;
  resource: Resource;
  principal: Principal;
  /** Null for a new record. */
  record: ListedRecord | null;
  texts: FormTexts;
  was: FormTexts;
  error: AppError | null;
  /** The list's query to go back to. */
  back: string;
  url: Urls;
}

export function recordPath(resource: Resource, key: string): string {
  return `/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, key))}`;
}

export async function recordFormData(parts: FormParts): Promise<RecordFormData> {
  const { register, resource, principal, record, texts, was, error, back, url } = parts;
  const backQuery = back === '' ? '' : `?_back=${encodeURIComponent(back)}`;
  const fieldErrors = (error?.details.fieldErrors ?? {}) as Record<string, string>;
  const fields = await Promise.all(
    resource.form.map((field) =>
      recordField(register, principal, field, { texts, error: fieldErrors[field.name] ?? null, isNew: record === null }),
    ),
  );
  const heading = record ? recordTexts.editHeading(record.title) : recordTexts.newHeading(resource.singular);
  const path = record ? recordPath(resource, record.key) : `/${resource.slug}`;
  return {
    title: heading,
    heading,
    action: url(`${path}/${record ? 'edit' : 'new'}${backQuery}`),
    back: { href: url(backPath(resource, back)), label: recordTexts.back(resource.label) },
    delete:
      record && can(resource, principal, 'delete') ? { href: url(`${path}/delete${backQuery}`), label: recordTexts.deleteLink } : null,
    submitText: record ? recordTexts.save : recordTexts.create,
    fields,
    was: JSON.stringify(was),
    summary: error ? summaryOf(error, fields) : null,
    words: recordTexts,
  };
}

function summaryOf(error: AppError, fields: readonly RecordField[]): RecordFormData['summary'] {
  const errors = fields.flatMap((field) => (field.error ? [{ href: `#${field.id}`, text: field.error }] : []));
  if (errors.length === 0) return { heading: recordTexts.refused, message: error.message, errors };
  return { heading: recordTexts.errors(errors.length), message: null, errors };
}

/** What the controls show for a record. */
export function textsOfRecord(resource: Resource, record: ListedRecord): FormTexts {
  return Object.fromEntries(
    resource.form.map((field) => {
      const value = field.relation?.kind === 'to-one' ? record.values[field.meta.name] : record.values[field.name];
      return [field.name, getFieldKind(field).toForm(value, field)];
    }),
  );
}

/** What the controls of a new record begin with: the schema's own defaults. */
export function textsOfNew(resource: Resource): FormTexts {
  return Object.fromEntries(resource.form.map((field) => [field.name, defaultText(field)]));
}

function defaultText({ meta }: ResourceField): string {
  const given = meta.default;
  return typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean' ? String(given) : '';
}

export interface RecordDeleteData {
  title: string;
  heading: string;
  warning: string;
  action: string;
  back: { href: string; label: string };
  message: string | null;
  words: typeof recordTexts;
}

export function recordDeleteData(
  resource: Resource,
  record: ListedRecord,
  error: AppError | null,
  back: string,
  url: Urls,
): RecordDeleteData {
  const path = recordPath(resource, record.key);
  const heading = recordTexts.deleteHeading(record.title);
  return {
    title: heading,
    heading,
    warning: recordTexts.deleteWarning(resource.singular, record.title),
    action: url(`${path}/delete${back === '' ? '' : `?_back=${encodeURIComponent(back)}`}`),
    back: { href: url(backPath(resource, back)), label: recordTexts.cancel },
    message: error?.message ?? null,
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
  back: { href: string; label: string };
}

export interface LockedParts {
  resource: Resource;
  principal: Principal;
  key: string;
  title: string;
  error: AppError;
  /** The form's own address, to come back to. */
  again: string;
  back: string;
  isSaving: boolean;
  url: Urls;
}

export function recordLockedData({ resource, principal, key, title, error, again, back, isSaving, url }: LockedParts): RecordLockedData {
  const holder = error.details.holder as Holder;
  const isVisible = seesAllTasks(principal) || holder.principalId === principal.id;
  const heading = recordTexts.lockedHeading(title);
  return {
    title: heading,
    heading,
    message: error.message,
    who: recordTexts.lockedBy(holder.principalName, holder.title),
    hint: isSaving ? recordTexts.lockedSave : recordTexts.lockedOpen,
    progressUrl: url(`${recordPath(resource, key)}/lock`),
    task: isVisible ? { href: url(`/tasks/${holder.taskId}`), label: holder.title } : null,
    again: { href: again, label: recordTexts.tryAgain },
    back: { href: url(backPath(resource, back)), label: recordTexts.back(resource.label) },
  };
}

declare module '../pages.ts' {
  interface Pages {
    'records/form': RecordFormData;
    'records/delete': RecordDeleteData;
    'records/locked': RecordLockedData;
  }
}
