import type { Principal } from '../../auth/principal.ts';
import { readerOf } from '../../fields/reader.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import type { TaskContext } from '../../tasks/context.ts';
import {
  type KeptFindings,
  type KeptMatching,
  type KeptRows,
  type KeptTaskRow,
  readKeptPreview,
} from '../../tasks/previewing/kept-preview.ts';
import type { TaskState } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { excerpt } from '../controls/excerpt.ts';
import { inputTexts } from '../controls/input-texts.ts';
import { shownValues } from '../controls/shown-values.ts';
import { formatTimestamp } from '../format.ts';
import type { Url } from '../url.ts';
import { badgeOf } from './badge.ts';
import { keptPreviewTexts } from './kept-preview-texts.ts';
import { type CountTable, countTable, type FateTable, outcomeBefore } from './matching.ts';
import { matchingTexts } from './matching-texts.ts';
import { findResource } from './task-filter.ts';
import { titlesOfTasks } from './task-title.ts';

/** What somebody was shown when they confirmed a task. */
export interface KeptPreviewData {
  heading: string;
  note: string;
  lines: readonly string[];
  counts: CountTable | null;
  /** Of tasks that matched. */
  tasks: ({ heading: string } & FateTable) | null;
  /** Of records, with the fields that the reader may see. */
  records: {
    heading: string;
    columns: readonly string[];
    outcome: string;
    rows: readonly {
      title: string;
      href: string;
      cells: readonly { label: string; before: string; after: string | null }[];
      outcome: string;
      reason: string | null;
    }[];
  } | null;
}

interface Looking {
  context: TaskContext;
  principal: Principal;
  url: Url;
}

/** Null: nothing was shown. Two statements at most, and one for each relation that it has. */
export async function readKeptPreviewData(
  { context, principal, url }: Looking,
  task: TaskRow,
): Promise<KeptPreviewData | null> {
  const kept = await readKeptPreview(context.db, task.id);
  if (!kept) return null;
  const { heading, note, emptied } = keptPreviewTexts;
  const data = {
    heading,
    note: note(formatTimestamp(kept.at, new Date(), readerOf(principal).timeZone)),
    counts: null,
    tasks: null,
    records: null,
  };
  const ofEmptied = kept.rows === null ? [emptied] : [];
  if (kept.findings.kind === 'tasks') {
    const rows = kept.rows as readonly KeptTaskRow[] | null;
    return {
      ...data,
      ...(await matchingShown({ context, principal, url }, task, kept.findings, rows ?? [])),
      lines: [matchedLine(kept.findings), ...ofEmptied],
    };
  }
  const resource = findResource(context.registry, principal, task);
  const rows = kept.rows as KeptRows | null;
  return {
    ...data,
    lines: [...findingLines(kept.findings), ...ofEmptied],
    records:
      resource && rows ? await recordsShown({ context, principal, url }, resource, rows) : null,
  };
}

function matchedLine({ total }: KeptMatching): string {
  return keptPreviewTexts.matched(matchingTexts.tasks(total.value, total.isExact));
}

async function matchingShown(
  { context, principal, url }: Looking,
  task: TaskRow,
  { counts }: KeptMatching,
  rows: readonly KeptTaskRow[],
) {
  const titles = await titlesOfTasks(
    context,
    principal,
    rows.map(({ id }) => id),
  );
  const stated = counts.map((one) => ({ ...one, state: one.state as TaskState }));
  const lines = rows.map(({ id, state, why }) => ({
    id: titles.has(id) ? id : null,
    title: titles.get(id) ?? matchingTexts.unseen,
    href: titles.has(id) ? url(`/tasks/${id}`) : null,
    badge: badgeOf(state as TaskState),
    outcome: outcomeBefore(task.operation, why),
    isDone: why === null,
    followUp: null,
  }));
  return {
    counts: countTable(stated, context.settings.countLimit),
    tasks:
      rows.length === 0
        ? null
        : {
            heading: matchingTexts.shownRows(rows.length),
            columns: matchingTexts.columns,
            lines,
          },
  };
}

function findingLines(found: KeptFindings): string[] {
  const texts = keptPreviewTexts;
  const { recordCount, tried = 0, refused } = found;
  const refusedCount = refused.reduce((sum, { count }) => sum + count, 0);
  const line = (count: number | undefined, words: (count: number) => string) =>
    count ? [words(count)] : [];
  return [
    found.isUntried
      ? texts.untried
      : found.isSample
        ? texts.sample(tried, recordCount)
        : texts.all(recordCount),
    ...line(found.changed, texts.changed),
    ...line(found.unchanged, texts.unchanged),
    ...line(refusedCount, texts.refused),
    ...refused.map(({ message, count }) => texts.ofReason(message, count)),
    ...line(found.held, texts.held),
    ...line(found.busy, texts.busy),
    ...line(found.missing, texts.missing),
    ...line(found.along, texts.along),
  ];
}

/** Records out of the reader's reach are left out, and fields that they may not see. */
async function recordsShown(
  { context, principal, url }: Looking,
  resource: Resource,
  { fields: names, records }: KeptRows,
): Promise<KeptPreviewData['records']> {
  const { registry } = context;
  const titles = await titlesOf(
    registry,
    resource,
    principal,
    records.map(({ key }) => key),
  );
  const seen = records.filter(({ key }) => titles.has(key));
  if (seen.length === 0) return null;
  const fields = names.flatMap((name, index) => {
    const field = resource.fields.find(({ meta }) => meta.name === name);
    return field ? [{ field, index }] : [];
  });
  const shown = await Promise.all(
    fields.map(async ({ field, index }) => {
      const texts = seen.flatMap(({ before, after }) => [before[index], after?.[index]]);
      const given = texts.filter((text) => typeof text === 'string');
      return {
        label: field.label,
        index,
        show: await shownValues(registry, resource, principal, field, given),
      };
    }),
  );
  const { fates, record: recordLabel, outcome, rows } = keptPreviewTexts;
  return {
    heading: rows(seen.length),
    columns: [recordLabel, ...shown.map(({ label }) => label)],
    outcome,
    rows: seen.map(({ key, before, after, fate, reason }) => ({
      title: titles.get(key) ?? key,
      href: url(`/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, key))}`),
      cells: shown.map(({ label, index, show }) => ({
        label,
        ...excerpt({
          before: show(before[index] ?? null) || inputTexts.nothing,
          after: after && (show(after[index] ?? null) || inputTexts.nothing),
        }),
      })),
      outcome: fates[fate],
      reason,
    })),
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/_kept-preview': KeptPreviewData;
  }
}
