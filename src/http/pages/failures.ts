import { keyToUrl } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import type { FailedRecord } from '../../tasks/failed-records.ts';
import type { FailureGroup } from '../../tasks/queries.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { followUpTexts } from '../texts/follow-ups.ts';
import { type RefusedRecord, refusedRecord } from './task.ts';
import type { Urls } from './url.ts';
import { limits } from '../../limits.ts';

/** Records of a page. */

export interface FailuresData {
  title: string;
  back: { href: string; label: string };
  csv: { href: string; label: string };
  countText: string;
  reasons: readonly { label: string; href: string; isCurrent: boolean }[];
  columns: typeof followUpTexts.columns;
  lines: readonly { record: RefusedRecord; reason: string; field: string; code: string }[];
  emptyText: string;
  first: { href: string; label: string } | null;
  next: { href: string; label: string } | null;
  words: { reasons: string };
}

export interface ListedFailures {
  task: TaskRow;
  groups: readonly FailureGroup[];
  /** One more than a page where there are more. */
  found: readonly FailedRecord[];
  titles: ReadonlyMap<string, string>;
  resource: Resource | null;
  code: string | null;
  after: string;
}

export function failuresData({ task, groups, found, titles, resource, code, after }: ListedFailures, url: Urls): FailuresData {
  const base = `/tasks/${task.id}/failures`;
  const href = (query: Record<string, string>) => url(`${base}${queryOf({ ...(code === null ? {} : { code }), ...query })}`);
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const counts = new Map<string, { message: string; count: number }>();
  for (const group of groups) {
    counts.set(group.code, {
      message: counts.get(group.code)?.message ?? group.message,
      count: (counts.get(group.code)?.count ?? 0) + group.count,
    });
  }
  const shown = found.slice(0, limits.shown.failures);
  const last = shown.at(-1)?.key ?? '';
  return {
    title: followUpTexts.failuresHeading(task.title, task.id),
    back: { href: url(`/tasks/${task.id}`), label: followUpTexts.backToTask(task.id) },
    csv: { href: url(`${base}.csv${queryOf(code === null ? {} : { code })}`), label: followUpTexts.csv },
    countText: followUpTexts.failuresOf(code === null ? total : (counts.get(code)?.count ?? 0)),
    reasons: [
      { label: followUpTexts.anyReason(total), href: url(base), isCurrent: code === null },
      ...[...counts].map(([of, { message, count }]) => ({
        label: followUpTexts.reason(message, count),
        href: url(`${base}${queryOf({ code: of })}`),
        isCurrent: of === code,
      })),
    ],
    columns: followUpTexts.columns,
    lines: shown.map((failed) => ({
      record: refusedRecord(failed.key, titles, resource, url),
      reason: failed.message,
      field: fieldLabel(resource, failed.field),
      code: failed.code,
    })),
    emptyText: followUpTexts.noFailures,
    first: after === '' ? null : { href: href({}), label: followUpTexts.first },
    next: found.length > limits.shown.failures ? { href: href({ _after: last }), label: followUpTexts.next } : null,
    words: { reasons: followUpTexts.reasons },
  };
}

function fieldLabel(resource: Resource | null, field: string | null): string {
  if (field === null) return '';
  return resource?.fields.find(({ meta, name }) => meta.name === field || name === field)?.label ?? '';
}

/** One line of the CSV: what a person needs to find the record and mend it. */
export function csvLine(
  resource: Resource | null,
  titles: ReadonlyMap<string, string>,
  { key, code, message, field }: FailedRecord,
): string[] {
  return [resource ? keyToUrl(resource.model, key) : key, titles.get(key) ?? '', message, fieldLabel(resource, field), code];
}

function queryOf(query: Record<string, string>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? '' : `?${text}`;
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/failures': FailuresData;
  }
}
