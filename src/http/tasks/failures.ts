import type { Principal } from '../../auth/principal.ts';
import { limits } from '../../limits.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { getEdit } from '../../operations/edits/edits.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import type { FailedRecord } from '../../tasks/looking/failed-records.ts';
import type { FailedValues } from '../../tasks/looking/failed-values.ts';
import type { FailureGroup } from '../../tasks/looking/queries.ts';
import { isFinished } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { excerpt } from '../controls/excerpt.ts';
import { inputTexts } from '../controls/input-texts.ts';
import { shownValues } from '../controls/shown-values.ts';
import type { AsOf } from '../shell/as-of.ts';
import type { Url } from '../url.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import type { InList } from './in-list.ts';
import { type RefusedRecord, refusedRecord } from './task.ts';
import { failedInList, type RetryForm, type TaskActions } from './task-actions.ts';

/** Records of a page. */

export interface FailuresData {
  title: string;
  /** How old what is listed may be. */
  asOf: AsOf | null;
  back: { href: string; label: string };
  csv: { href: string; label: string };
  /** The shown reason's records, or all, in their list. */
  inList: InList | null;
  retry: RetryForm | null;
  /** A repeat meets again what refused them. */
  isRetryVain: boolean;
  retryHint: string | null;
  countText: string;
  reasons: readonly { label: string; href: string; isCurrent: boolean }[];
  columns: typeof followUpTexts.columns;
  hasValues: boolean;
  lines: readonly {
    record: RefusedRecord;
    reason: string;
    field: string;
    values: readonly FailedValue[];
  }[];
  emptyText: string;
  first: { href: string; label: string } | null;
  next: { href: string; label: string } | null;
  words: { reasons: string };
}

/** What a field of a failed record holds, and what the task wanted it to hold. */
export interface FailedValue {
  label: string;
  now: string;
  wanted: string;
}

export interface ListedFailures {
  registry: ResourceRegistry;
  asOf: AsOf | null;
  principal: Principal;
  task: TaskRow;
  actions: TaskActions;
  values: FailedValues;
  groups: readonly FailureGroup[];
  /** One more than a page where there are more. */
  found: readonly FailedRecord[];
  titles: ReadonlyMap<string, string>;
  resource: Resource | null;
  code: string | null;
  after: string;
}

/** At most one statement for each relation among the changes. */
export async function failuresData(listed: ListedFailures, url: Url): Promise<FailuresData> {
  const { principal, task, actions, groups, found, titles, resource, code, after } = listed;
  const valuesOf = await shownFailedValues(listed);
  const base = `/tasks/${task.id}/failures`;
  const href = (query: Record<string, string>) =>
    url(`${base}${queryOf({ ...(code === null ? {} : { code }), ...query })}`);
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
    title: followUpTexts.failuresHeading(task.title),
    asOf: listed.asOf,
    back: { href: url(`/tasks/${task.id}`), label: followUpTexts.backToTask(task.id) },
    csv: {
      href: url(`${base}.csv${queryOf(code === null ? {} : { code })}`),
      label: followUpTexts.csv,
    },
    inList: !isFinished(task.state)
      ? null
      : failedInList(
          { resource, principal, url },
          task,
          code === null ? null : { code, count: counts.get(code)?.count ?? 0 },
        ),
    retry: code === null ? actions.retry : (actions.retryOf.get(code) ?? null),
    isRetryVain: actions.isRetryVain,
    retryHint: actions.retry && actions.isRetryVain ? followUpTexts.retryHint : null,
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
    hasValues: listed.values.edits.length > 0,
    lines: shown.map((failed) => ({
      record: refusedRecord(failed.key, titles, resource, url),
      reason: failed.message,
      field: fieldLabel(resource, failed.field),
      values: valuesOf(failed.key),
    })),
    emptyText: followUpTexts.noFailures,
    first: after === '' ? null : { href: href({}), label: followUpTexts.first },
    next:
      found.length > limits.shown.failures
        ? { href: href({ _after: last }), label: followUpTexts.next }
        : null,
    words: { reasons: followUpTexts.reasons },
  };
}

async function shownFailedValues({
  registry,
  principal,
  resource,
  values,
}: ListedFailures): Promise<(key: string) => FailedValue[]> {
  if (!resource || values.byKey.size === 0) return () => [];
  const texts = (index: number) =>
    [...values.byKey.values()].flatMap(({ now, wanted }) => [now[index], wanted?.[index]]);
  const shown = await Promise.all(
    values.edits.map(async (edit, index) => {
      const field = resource.fields.find(({ meta }) => meta.name === edit.field) as ResourceField;
      const given = texts(index).filter((text) => text !== null && text !== undefined);
      return { edit, field, show: await shownValues(registry, resource, principal, field, given) };
    }),
  );
  return (key) => {
    const found = values.byKey.get(key);
    if (!found) return [];
    return shown.map(({ edit, field, show }, index) => {
      const wanted =
        found.wanted === null
          ? getEdit(edit.change).describe(edit.value, field, resource)
          : show(found.wanted[index] ?? null);
      const { before, after } = excerpt({ before: show(found.now[index] ?? null), after: wanted });
      return {
        label: field.label,
        now: before || inputTexts.nothing,
        wanted: after || inputTexts.nothing,
      };
    });
  };
}

function fieldLabel(resource: Resource | null, field: string | null): string {
  if (field === null) return '';
  return (
    resource?.fields.find(({ meta, name }) => meta.name === field || name === field)?.label ?? ''
  );
}

/** One line of the CSV: what a person needs to find the record and mend it. */
export function csvLine(
  resource: Resource | null,
  titles: ReadonlyMap<string, string>,
  { key, code, message, field }: FailedRecord,
): string[] {
  return [
    resource ? keyToUrl(resource.model, key) : key,
    titles.get(key) ?? '',
    message,
    fieldLabel(resource, field),
    code,
  ];
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
