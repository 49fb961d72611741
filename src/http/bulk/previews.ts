import type { Principal } from '../../auth/principal.ts';
import type { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import type { Operation } from '../../operations/contract.ts';
import { journal } from '../../operations/journal-kind.ts';
import { seenEdits } from '../../operations/operations.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { hasExtensions } from '../../resources/has-extensions.ts';
import type { Findings, Preview } from '../../tasks/previewing/preview.ts';
import type { PreviewedRecord, PreviewPage } from '../../tasks/previewing/preview-page.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { excerpt } from '../controls/excerpt.ts';
import { inputTexts } from '../controls/input-texts.ts';
import { shownValues } from '../controls/shown-values.ts';
import type { Body } from '../form.ts';
import { formatNumber, formatSpan } from '../format.ts';
import type { ConsequencesData } from '../records/consequences.ts';
import { recordPath } from '../records/record-form.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import type { Url } from '../url.ts';
import { fieldErrors, formUrl, listUrl, mannerOf, type ReasonData, reasonData } from './bulk.ts';
import { bulkTexts } from './bulk-texts.ts';
import { type SubmitData, submitOf } from './preview-submit.ts';
import { previewTexts } from './previews-texts.ts';

export interface PreviewData {
  title: string;
  scripts: readonly string[];
  /** Where the page's form goes. */
  action: string;
  heading: string;
  /** Said aloud when a tick has changed it. */
  status: string;
  /** The task that this preview has become; then what was found is no longer shown. */
  started: { text: string; href: string; label: string } | null;
  /** What will be done, a line each. */
  lines: readonly string[];
  message: { text: string; tone: 'error' | 'warning' } | null;
  counts: readonly { label: string; value: string; tone: 'plain' | 'good' | 'bad' | 'warning' }[];
  basis: string;
  isSample: boolean;
  refused: readonly {
    reason: string;
    countText: string;
    records: readonly { title: string; href: string }[];
    moreText: string | null;
  }[];
  held: readonly { text: string; href: string | null }[];
  consequences: ConsequencesData | null;
  notes: readonly string[];
  table: PreviewTable | null;
  confirm: ConfirmData | null;
  back: { href: string; label: string };
  /** Where records that were refused are left out. */
  leaveOutUrl: string;
  /** Back to the form: by a link, or with what is typed on the page. */
  form: { href: string; action: string; label: string };
  words: typeof previewTexts;
}

export interface PreviewTable {
  action: string;
  heading: string;
  columns: readonly string[];
  rows: readonly PreviewRow[];
  first: string | null;
  next: string | null;
}

export interface PreviewRow {
  id: string;
  key: string;
  title: string;
  href: string;
  isKept: boolean;
  keepText: string;
  cells: readonly { label: string; before: string; after: string | null }[];
  fate: { text: string; tone: 'plain' | 'good' | 'bad' | 'warning'; reason: string | null };
}

export interface ConfirmData {
  /** Of the records that the page is about. */
  count: number;
  submit: SubmitData;
  isDangerous: boolean;
  manner: string;
  isInline: boolean;
  acknowledge: { text: string; isTicked: boolean; error: string | null } | null;
  reason: ReasonData | null;
  /** Something of how to run it is not as usual. */
  isOpen: boolean;
  hasBackground: boolean;
  isBackground: boolean;
  skipsChanged: boolean;
  overlap: readonly { value: string; label: string; isChosen: boolean }[];
  stop: { value: string; error: string | null };
}

export interface PreviewParts {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  operation: Operation;
  preview: Preview;
  page: PreviewPage;
  /** Key that the page begins after, as in the URL. */
  after: string | null;
  /** Titles of the refused records that reasons name. */
  titles: ReadonlyMap<string, string>;
  consequences: ConsequencesData | null;
  lines: readonly string[];
  filter: string;
  body: Body;
  error: AppError | null;
  /** Of the tasks that hold records and are the reader's to see. */
  heldTitles: ReadonlyMap<number, string>;
  started: TaskRow | null;
  url: Url;
}

export function previewPath(resource: Resource, id: string): string {
  return `/${resource.slug}/previews/${id}`;
}

export async function previewData(parts: PreviewParts): Promise<PreviewData> {
  const { resource, operation, preview, filter, error, started, url, lines, consequences } = parts;
  const findings = preview.findings as Findings;
  const count = preview.recordCount;
  const heading = operation.words.heading(bulkTexts.records(count, resource));
  const wrong = Object.keys(fieldErrors(error)).length > 0;
  const found = started ? nothingFound : await foundOf(parts, findings);
  const confirm = count === 0 || started ? null : confirmOf(parts);
  const isHopeless = !confirm?.submit.text && !confirm?.submit.backgroundText;
  return {
    title: previewTexts.title(heading),
    scripts: ['preview.js'],
    action: url(previewPath(resource, preview.id)),
    heading,
    status: found.counts.map(({ label, value }) => `${label}: ${value}`).join(', '),
    started: started && {
      text: previewTexts.started(started.id, taskTexts.states[started.state]),
      href: url(`/tasks/${started.id}`),
      label: taskTexts.showTask,
    },
    lines,
    message: error ? { text: error.message, tone: wrong ? 'error' : 'warning' } : null,
    basis: findings.isUntried
      ? previewTexts.untried
      : findings.isSample
        ? previewTexts.sample(findings.tried, count)
        : previewTexts.exact,
    isSample: findings.isSample,
    ...found,
    consequences:
      started || !consequences ? null : { ...consequences, ...(isHopeless && { undo: null }) },
    confirm,
    back: {
      href: listUrl(resource, preview.selectionId, filter, url),
      label: previewTexts.back(resource.label),
    },
    leaveOutUrl: url(`${previewPath(resource, preview.id)}/exclusions`),
    form: {
      href: formUrl(resource, operation, preview.selectionId, preview.id, url),
      action: url(`${previewPath(resource, preview.id)}/form`),
      label: previewTexts.change,
    },
    words: previewTexts,
  };
}

type Found = Pick<PreviewData, 'counts' | 'refused' | 'held' | 'notes' | 'table'>;

const nothingFound: Found = { counts: [], refused: [], held: [], notes: [], table: null };

async function foundOf(parts: PreviewParts, findings: Findings): Promise<Found> {
  return {
    counts: countsOf(parts, findings),
    refused: refusedOf(parts, findings),
    held: heldOf(parts, findings),
    notes: notesOf(parts, findings),
    table: parts.page.records.length === 0 ? null : await tableOf(parts),
  };
}

function countsOf(
  { operation, preview: { recordCount, exclusions } }: PreviewParts,
  findings: Findings,
): PreviewData['counts'] {
  const { counts } = previewTexts;
  const refused = findings.refused.reduce((sum, { count }) => sum + count, 0);
  const held = findings.held.reduce((sum, { count }) => sum + count, 0);
  const figure = (
    label: string,
    value: number,
    tone: PreviewData['counts'][number]['tone'] = 'plain',
  ) => ({
    label,
    value: formatNumber(value),
    tone,
  });
  const unlessNone = (label: string, value: number, tone: 'bad' | 'warning' | 'plain') =>
    value === 0 ? [] : [figure(label, value, tone)];
  const isDelete = operation.writes === journal.deleted;
  if (findings.isUntried) {
    return [
      figure(counts.selected, recordCount),
      ...unlessNone(counts.held, held, 'warning'),
      ...unlessNone(counts.missing, findings.missing, 'warning'),
    ];
  }
  return [
    figure(counts.selected, recordCount),
    ...(findings.isSample ? [figure(counts.tried, findings.tried)] : []),
    figure(
      operation.words.willBe,
      findings.changed,
      findings.changed === 0 ? 'plain' : isDelete ? 'bad' : 'good',
    ),
    ...(isDelete ? [] : [figure(counts.unchanged, findings.unchanged)]),
    figure(counts.refused, refused, refused > 0 ? 'bad' : 'plain'),
    ...unlessNone(counts.held, held, 'warning'),
    ...unlessNone(counts.busy, findings.busy, 'warning'),
    ...unlessNone(counts.missing, findings.missing, 'warning'),
    ...unlessNone(counts.leftOut, exclusions.length, 'plain'),
  ];
}

/** Refused records that a reason names. */
export const maxNamed = 5;

function refusedOf(
  { resource, titles, url }: PreviewParts,
  { refused }: Findings,
): PreviewData['refused'] {
  return refused.map(({ message, field, count, keys }) => {
    const label = resource.fields.find(({ meta }) => meta.name === field)?.label;
    return {
      reason: label && !message.includes(label) ? `${label}: ${message}` : message,
      countText: previewTexts.refusedCount(count),
      records: keys.slice(0, maxNamed).map((key) => ({
        title: titles.get(key) ?? key,
        href: url(`${recordPath(resource, key)}/edit`),
      })),
      moreText: count > maxNamed ? previewTexts.moreRecords(count - maxNamed) : null,
    };
  });
}

function heldOf({ heldTitles, url }: PreviewParts, { held }: Findings): PreviewData['held'] {
  return held.map(({ taskId, title, principalName, count }) => ({
    text: previewTexts.holder(principalName, heldTitles.get(taskId) ?? title, count),
    href: heldTitles.has(taskId) ? url(`/tasks/${taskId}`) : null,
  }));
}

/** Less than this is not worth a word, in milliseconds. */
const quickMs = 2_000;

function notesOf(
  { registry, resource, operation }: PreviewParts,
  { triggers, unchanged, expectedMs }: Findings,
): string[] {
  const isSql = operation.writePath(resource).startsWith('sql');
  return [
    ...(unchanged > 0 ? [previewTexts.unchangedNote] : []),
    ...triggers.map(previewTexts.trigger),
    ...(isSql && hasExtensions(registry.client) ? [previewTexts.withoutExtensions] : []),
    ...(resource.locksOffReason === null
      ? []
      : [previewTexts.withoutLocks(resource.locksOffReason)]),
    ...(expectedMs !== null && expectedMs >= quickMs
      ? [previewTexts.expected(formatSpan(expectedMs))]
      : []),
  ];
}

async function tableOf(parts: PreviewParts): Promise<PreviewTable> {
  const { registry, resource, principal, operation, preview, page, after, url } = parts;
  const fields = seenEdits(resource, preview)
    .map(({ field }) => resource.fields.find(({ meta }) => meta.name === field))
    .filter((field) => field !== undefined);
  const show = await Promise.all(
    fields.map((field, index) =>
      shownValues(registry, resource, principal, field, textsAt(page.records, index)),
    ),
  );
  const path = previewPath(resource, preview.id);
  return {
    action: url(
      `${path}/exclusions${after === null ? '' : `?_after=${encodeURIComponent(after)}`}`,
    ),
    heading: operation.words.records,
    columns: fields.map(({ label }) => label),
    rows: page.records.map((record) => ({
      id: `preview-keep-${record.key}`,
      key: record.key,
      title: record.title,
      href: url(`${recordPath(resource, record.key)}/edit`),
      isKept: !record.isLeftOut,
      keepText: previewTexts.keepRecord(record.title),
      cells: fields.map(({ label }, index) => ({
        label,
        ...excerpt({
          before: show[index]?.(record.before[index] ?? null) || inputTexts.nothing,
          after:
            record.after === null || record.isLeftOut
              ? null
              : show[index]?.(record.after[index] ?? null) || inputTexts.nothing,
        }),
      })),
      fate: fateOf(record, operation),
    })),
    first: after === null ? null : url(path),
    next: page.next === null ? null : url(`${path}?_after=${encodeURIComponent(page.next)}`),
  };
}

function fateOf(
  { isLeftOut, fate, reason }: PreviewedRecord,
  { words, writes }: Operation,
): PreviewRow['fate'] {
  if (isLeftOut) return { text: previewTexts.leftOutFate, tone: 'plain', reason: null };
  if (fate === 'changed')
    return { text: words.fate, tone: writes === journal.deleted ? 'bad' : 'good', reason };
  const tones = {
    unchanged: 'plain',
    refused: 'bad',
    held: 'warning',
    busy: 'warning',
    unknown: 'plain',
  } as const;
  return { text: previewTexts.fates[fate], tone: tones[fate], reason };
}

function textsAt(records: readonly PreviewedRecord[], index: number): string[] {
  return records
    .flatMap(({ before, after }) => [before[index], after?.[index]])
    .filter((text) => text !== null && text !== undefined);
}

function confirmOf({ resource, operation, preview, body, error }: PreviewParts): ConfirmData {
  const { offer, words } = operation;
  const count = preview.recordCount;
  const given = (name: string) => textsOf(body[name]).at(-1) ?? '';
  const errors = fieldErrors(error);
  const chosen = given('overlap') || 'refuse';
  return {
    count,
    submit: submitOf(resource, words, preview, preview.findings as Findings),
    isDangerous: offer?.tone === 'danger',
    isInline: preview.runsInline,
    manner: mannerOf(operation, preview),
    acknowledge: offer?.isAcknowledged
      ? {
          text: words.acknowledge(bulkTexts.records(count, resource)),
          isTicked: given('acknowledge') === 'yes',
          error: errors.acknowledge ?? null,
        }
      : null,
    reason: reasonData(resource, count, body, error),
    isOpen:
      ['background', 'skipChanged', 'stopPercent'].some((name) => given(name) !== '') ||
      chosen !== 'refuse',
    hasBackground: preview.runsInline && preview.backend !== inlineName,
    isBackground: given('background') === 'yes',
    skipsChanged: given('skipChanged') === 'yes',
    overlap: (['refuse', 'skip', 'wait'] as const).map((value) => ({
      value,
      label: previewTexts.overlap[value],
      isChosen: value === chosen,
    })),
    stop: { value: given('stopPercent'), error: errors.stopPercent ?? null },
  };
}

declare module '../pages.ts' {
  interface Pages {
    'previews/show': PreviewData;
  }
}
