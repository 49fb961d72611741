import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import type { Operation } from '../../operations/contract.ts';
import { journal } from '../../operations/journal-kind.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import type { Preview } from '../../tasks/previewing/preview.ts';
import type { Body } from '../form.ts';
import type { ConsequencesData } from '../records/consequences.ts';
import { recordTexts } from '../records/records-texts.ts';
import type { EndedData, ProgressData } from '../tasks/progress.ts';
import { type RefusedRecord, refusedRecord } from '../tasks/task.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import type { Url } from '../url.ts';
import { type BulkField, type BulkInputs, bulkFields } from './bulk-field.ts';
import { bulkTexts } from './bulk-texts.ts';
import type { ConflictData } from './conflict.ts';
import { type CarriedOptions, carriedOptions } from './typed-form.ts';

interface DialogWords {
  dismiss: string;
}

/** Why somebody does it, where the resource asks. */
export interface ReasonData {
  label: string;
  isRequired: boolean;
  value: string;
  error: string | null;
}

/** What both dialogs show. */
export interface BulkDialogData {
  title: string;
  heading: string;
  /** All or nothing, or good ones are kept. */
  manner: string;
  /** The first records by name, and how many more. */
  names: string;
  isInline: boolean;
  action: string;
  operationId: string;
  selectionId: string;
  backUrl: string;
  /** Null: it could not succeed. */
  submitText: string | null;
  previewText: string;
  reason: ReasonData | null;
  /** What comes along from the preview that led back here. */
  notes: readonly string[];
  carried: CarriedOptions['inputs'];
  message: string | null;
  /** It came back with what was typed. */
  isUnsaved: boolean;
  words: DialogWords;
}

export interface BulkEditData extends BulkDialogData {
  scripts: readonly string[];
  fields: readonly BulkField[];
  fieldWords: { legend: string; hint: string; showInputs: string };
}

export interface BulkDeleteData extends BulkDialogData {
  consequences: ConsequencesData;
  consequencesHeading: string;
  warning: string;
  acknowledgeText: string;
  isAcknowledged: boolean;
  error: string | null;
}

export interface BulkDialog {
  registry: ResourceRegistry;
  sql: Queryable;
  resource: Resource;
  principal: Principal;
  operation: Operation;
  preview: Preview;
  /** Titles of the first records. */
  names: readonly string[];
  selectionId: string;
  filter: string;
  /** What was typed, and what was wrong with it. */
  body: Body;
  error: AppError | null;
  url: Url;
}

/** The form of a selection; with a preview's id, as it was typed for that. */
export function formUrl(
  resource: Resource,
  operation: Operation,
  selectionId: string,
  previewId: string | null,
  url: Url,
): string {
  const from = previewId === null ? '' : `&_preview=${encodeURIComponent(previewId)}`;
  return url(
    `/${resource.slug}/${operation.offer?.path ?? ''}?_s=${encodeURIComponent(selectionId)}${from}`,
  );
}

export function reasonData(
  { reason }: Resource,
  count: number,
  body: Body,
  error: AppError | null,
): ReasonData | null {
  if (!reason.isAsked) return null;
  const isRequired = reason.requiredAbove !== null && count > reason.requiredAbove;
  const value = textsOf(body.reason).at(-1) ?? '';
  return {
    label: isRequired ? bulkTexts.reason : bulkTexts.reasonOptional,
    isRequired,
    value,
    error: fieldErrors(error).reason ?? null,
  };
}

/** The list as it was; a selection of everything matching lives only under its own filter. */
export function listUrl(resource: Resource, selectionId: string, filter: string, url: Url): string {
  const state = [filter, selectionId === '' ? '' : `_s=${encodeURIComponent(selectionId)}`]
    .filter((part) => part !== '')
    .join('&');
  return url(`/${resource.slug}${state === '' ? '' : `?${state}`}`);
}

export async function bulkEditData(opened: BulkDialog): Promise<BulkEditData> {
  const { registry, sql, resource, principal, body, error, url } = opened;
  return {
    ...dialogData(opened),
    fields: await bulkFields({
      registry,
      sql,
      resource,
      principal,
      body,
      errors: fieldErrors(error),
      url,
    }),
    fieldWords: {
      legend: bulkTexts.chooseFields,
      hint: bulkTexts.fieldHint,
      showInputs: bulkTexts.showInputs,
    },
    scripts: ['picker.js'],
  };
}

export function bulkDeleteData(opened: BulkDialog, consequences: ConsequencesData): BulkDeleteData {
  const { body, error, preview } = opened;
  const dialog = dialogData(opened);
  const wrong = fieldErrors(error).acknowledge ?? null;
  // All or nothing: one record in the way prevents all deletes. A preview says which, and can leave
  // them out.
  const isHopeless = preview.runsInline && consequences.isForbidden;
  return {
    ...dialog,
    submitText: isHopeless ? null : dialog.submitText,
    message: wrong === null ? (error?.message ?? null) : null,
    warning: isHopeless
      ? bulkTexts.deleteHopeless
      : opened.operation.writes === journal.deleted
        ? bulkTexts.deleteWarning
        : bulkTexts.putAwayWarning,
    consequences: isHopeless ? { ...consequences, undo: null } : consequences,
    consequencesHeading: recordTexts.consequences,
    acknowledgeText: opened.operation.words.acknowledge(
      bulkTexts.records(preview.recordCount, opened.resource),
    ),
    isAcknowledged: textsOf(body.acknowledge).includes('yes'),
    error: wrong,
  };
}

export function dialogData({
  resource,
  operation,
  preview,
  names,
  selectionId,
  filter,
  body,
  error,
  url,
}: BulkDialog): BulkDialogData {
  const { words } = operation;
  const records = bulkTexts.records(preview.recordCount, resource);
  const carried = carriedOptions(body);
  const leftOut = preview.exclusions.length;
  return {
    title: resource.label,
    heading: words.heading(records),
    manner: mannerOf(operation, preview),
    names: bulkTexts.and(names.join(', '), preview.recordCount - names.length),
    isInline: preview.runsInline,
    action: formUrl(resource, operation, selectionId, null, url),
    operationId: preview.id,
    selectionId,
    backUrl: listUrl(resource, selectionId, filter, url),
    submitText: words.submit(records),
    previewText: bulkTexts.preview,
    reason: reasonData(resource, preview.recordCount, body, error),
    notes: [
      ...(leftOut > 0 ? [bulkTexts.leftOut(leftOut)] : []),
      ...(carried.text === null ? [] : [carried.text]),
    ],
    carried: carried.inputs,
    message: error?.message ?? null,
    isUnsaved: Object.keys(body).length > 0,
    words: { dismiss: bulkTexts.dismiss },
  };
}

/** How it will be done, as the dialog and the preview promise it. */
export function mannerOf({ words }: Operation, { runsInline, isPutOff }: Preview): string {
  if (runsInline) return words.atOnce;
  return isPutOff ? bulkTexts.putOff : bulkTexts.background;
}

export function fieldErrors(error: AppError | null): Record<string, string> {
  return error?.details.fieldErrors ?? {};
}

/**
 * A dialog that tells the outcome instead of a form: refused, overlapping, changed meanwhile, or
 * already sent.
 */
export interface BulkOutcomeData {
  title: string;
  heading: string;
  tone: 'error' | 'warning' | 'info';
  message: string;
  hint: string | null;
  refused: {
    heading: string;
    records: readonly (RefusedRecord & { reason: string })[];
    moreText: string | null;
  } | null;
  /** Null: nobody stands in the way. */
  conflict: ConflictData | null;
  /** To the form again, null where that leads nowhere. */
  again: { href: string; label: string } | null;
  /** The same, once nobody stands in the way any more. */
  goOn: { href: string; label: string } | null;
  task: { href: string; label: string } | null;
  back: { href: string; label: string };
  close: string;
}

/** What is asked for of which records. */
export interface BulkRequest {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  operation: Operation;
  selectionId: string;
  /** Of the selection, as a list's URL has it. */
  filter: string;
  /** Where what was typed is kept. */
  previewId: string | null;
  url: Url;
  secret: string;
}

function outcomeData({
  resource,
  operation,
  selectionId,
  filter,
  previewId,
  url,
}: BulkRequest): BulkOutcomeData {
  return {
    title: resource.label,
    heading: '',
    tone: 'info',
    message: '',
    hint: null,
    refused: null,
    conflict: null,
    goOn: null,
    again: {
      href: formUrl(resource, operation, selectionId, previewId, url),
      label: bulkTexts.openAgain,
    },
    task: null,
    back: {
      href: listUrl(resource, selectionId, filter, url),
      label: bulkTexts.backToList(resource.label),
    },
    close: taskTexts.close,
  };
}

/** Most refused records that a dialog names; an inline task has fewer. */
const maxNamed = 200;

/** Everything was rolled back: names every refused record with its reason. */
export async function refusedData(asked: BulkRequest, error: AppError): Promise<BulkOutcomeData> {
  const { registry, resource, principal, url } = asked;
  const failures = error.details.failures ?? [];
  const titles = await titlesOf(
    registry,
    resource,
    principal,
    failures.slice(0, maxNamed).map(({ key }) => key),
  );
  const taskId = error.details.taskId;
  return {
    ...outcomeData(asked),
    heading: bulkTexts.refusedHeading,
    tone: 'error',
    message: error.message,
    refused: {
      heading: bulkTexts.refusedReasons,
      records: failures.slice(0, maxNamed).map(({ key, message }) => ({
        ...refusedRecord(key, titles, resource, url),
        reason: message,
      })),
      moreText:
        failures.length > maxNamed ? bulkTexts.refusedMore(failures.length - maxNamed) : null,
    },
    task:
      taskId === undefined ? null : { href: url(`/tasks/${taskId}`), label: taskTexts.showTask },
  };
}

/** Who holds the records, which task, how far; and the form, once nobody does. */
export function overlapData(asked: BulkRequest, conflict: ConflictData): BulkOutcomeData {
  const data = outcomeData(asked);
  return {
    ...data,
    heading: bulkTexts.overlapHeading,
    tone: 'warning',
    message: bulkTexts.overlapHint,
    conflict,
    goOn: data.again && { ...data.again, label: bulkTexts.goOn },
  };
}

const headings: Record<string, string> = {
  'selection-changed': bulkTexts.changedHeading,
  'preview-gone': bulkTexts.goneHeading,
  'empty-selection': bulkTexts.emptyHeading,
};

export function explanationData(asked: BulkRequest, error: AppError): BulkOutcomeData {
  const data = outcomeData(asked);
  const leadsOn = error.code === 'selection-changed' || error.code === 'preview-gone';
  return {
    ...data,
    heading: headings[error.code] ?? error.message,
    tone: 'warning',
    message: error.message,
    again: leadsOn && asked.selectionId !== '' ? data.again : null,
  };
}

/** The dialog after the click: the live piece of the task. */
export interface BulkLaunchedData {
  title: string;
  note: string | null;
  progress: ProgressData | null;
  ended: EndedData | null;
  close: string;
  listUrl: string;
}

declare module '../pages.ts' {
  interface Pages {
    'bulk/edit': BulkEditData;
    'bulk/_inputs': BulkInputs;
    'bulk/delete': BulkDeleteData;
    'bulk/outcome': BulkOutcomeData;
    'bulk/_launched': BulkLaunchedData;
  }
}
