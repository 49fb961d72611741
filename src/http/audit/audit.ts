import { acts } from '../../audit/acts.ts';
import type { ListedEntry } from '../../audit/list-entries.ts';
import type { Seal } from '../../audit/seal.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { formatTimestamp, isoTime } from '../format.ts';
import type { Url } from '../url.ts';
import { type AuditFilter, type AuditQuery, auditFilters, auditSearch } from './audit-query.ts';
import { auditTexts } from './audit-texts.ts';

interface AuditControl {
  name: AuditFilter;
  label: string;
  type: 'select' | 'text' | 'date' | 'number';
  value: string;
  hint: string | null;
  options: readonly { value: string; label: string; isChosen: boolean }[];
}

interface AuditLine {
  when: { text: string; iso: string };
  who: string;
  isKnown: boolean;
  what: string;
  isWarning: boolean;
  /** What it was about, with links to what is there. */
  about: readonly { text: string; href: string | null }[];
  from: string;
  agent: string | null;
  seal: { text: string; isSealed: boolean; number: string };
}

export interface AuditData {
  title: string;
  intro: string;
  action: string;
  controls: readonly AuditControl[];
  isFiltered: boolean;
  clear: { href: string; label: string };
  csv: { href: string; label: string };
  head: { text: string; hash: string | null };
  lines: readonly AuditLine[];
  emptyText: string;
  newest: { href: string; label: string } | null;
  older: { href: string; label: string } | null;
  columns: typeof auditTexts.columns;
  words: { filter: string; submit: string; any: string; pages: string };
}

interface AuditParts {
  registry: Pick<ResourceRegistry, 'list'>;
  query: AuditQuery;
  head: Seal;
  /** Is there a secret to seal with? */
  isSealed: boolean;
  limit: number;
  now: Date;
  timeZone: string;
  url: Url;
}

/** `entries`: one more than a page where there are more. */
export function auditData(entries: readonly ListedEntry[], parts: AuditParts): AuditData {
  const { registry, query, limit, url } = parts;
  const shown = entries.slice(0, limit);
  const last = shown.at(-1);
  const href = (rest: Partial<AuditQuery>) =>
    url(`/tasks/audit${auditSearch({ ...query, ...rest })}`);
  const isMore = entries.length > limit && last !== undefined;
  return {
    title: auditTexts.heading,
    intro: auditTexts.intro,
    action: url('/tasks/audit'),
    controls: auditFilters.map((name) => controlOf(name, query, registry)),
    isFiltered: Object.keys(query.given).length > 0,
    clear: { href: url('/tasks/audit'), label: auditTexts.clear },
    csv: {
      href: url(`/tasks/audit.csv${auditSearch({ ...query, before: null })}`),
      label: auditTexts.csv,
    },
    head: headOf(parts),
    lines: shown.map((entry) => auditLine(entry, parts)),
    emptyText: auditTexts.none,
    newest:
      query.before === null ? null : { href: href({ before: null }), label: auditTexts.newest },
    older: isMore ? { href: href({ before: last.id }), label: auditTexts.older } : null,
    columns: auditTexts.columns,
    words: {
      filter: auditTexts.filter,
      submit: auditTexts.submit,
      any: auditTexts.any,
      pages: auditTexts.pages,
    },
  };
}

function headOf({ head, isSealed }: AuditParts): AuditData['head'] {
  if (!isSealed) return { text: auditTexts.noSecret, hash: null };
  return head.hash === ''
    ? { text: auditTexts.noHead, hash: null }
    : { text: auditTexts.head(head.position), hash: head.hash };
}

function controlOf(
  name: AuditFilter,
  { given }: AuditQuery,
  { list }: Pick<ResourceRegistry, 'list'>,
): AuditControl {
  const value = given[name] ?? '';
  const choices =
    name === 'act'
      ? acts.map((act) => [act, auditTexts.acts[act]] as const)
      : name === 'resource'
        ? list.map(({ slug, label }) => [slug, label] as const)
        : null;
  const { hints } = auditTexts;
  // Its input shows days alone: what is given to the minute stays as it is.
  const isDay = value === '' || /^\d{4}-\d{2}-\d{2}$/.test(value);
  const typed =
    name === 'task' ? 'number' : (name === 'from' || name === 'to') && isDay ? 'date' : 'text';
  return {
    name,
    label: auditTexts.fields[name],
    type: choices ? 'select' : typed,
    value,
    hint: name in hints ? hints[name as keyof typeof hints] : null,
    options: (choices ?? []).map(([one, label]) => ({
      value: one,
      label,
      isChosen: one === value,
    })),
  };
}

function auditLine(entry: ListedEntry, { registry, now, timeZone, url }: AuditParts): AuditLine {
  const { at, act, principalName, origin, originName, agent, taskId, seal } = entry;
  const record = recordOf(registry, entry);
  return {
    when: { text: formatTimestamp(at, now, timeZone), iso: isoTime(at) },
    who: principalName ?? auditTexts.nobody,
    isKnown: principalName !== null,
    what: auditTexts.acts[act] ?? act,
    isWarning: act === 'sign-in-failed',
    about: [
      ...(record
        ? [{ text: record.text, href: record.path === null ? null : url(record.path) }]
        : []),
      ...(taskId === null
        ? []
        : [{ text: auditTexts.task(taskId), href: url(`/tasks/${taskId}`) }]),
      ...detailsOf(entry).map((text) => ({ text, href: null })),
    ],
    from: auditTexts.origins[origin]?.(originName) ?? origin,
    agent,
    seal: {
      isSealed: seal !== null,
      number: seal === null ? '' : seal.toLocaleString('en'),
      text: seal === null ? auditTexts.unsealed : auditTexts.sealed(seal),
    },
  };
}

/** The record, or the resource, by the name and the address that it has. */
function recordOf(
  { list }: Pick<ResourceRegistry, 'list'>,
  { act, resource: slug, record }: ListedEntry,
): { text: string; path: string | null } | null {
  if (slug === null) return null;
  const resource = list.find((one) => one.slug === slug);
  if (!resource) return { text: auditTexts.record(slug, record), path: null };
  const id = record === null ? null : keyToUrl(resource.model, record);
  const page = act === 'record-deleted' ? '/history' : '';
  return {
    text: auditTexts.record(
      record === null ? resource.label : resource.singular,
      id === null ? null : decodeURIComponent(id),
    ),
    path: id === null ? `/${slug}` : `/${slug}/${id}${page}`,
  };
}

function detailsOf({ details }: ListedEntry): string[] {
  return Object.entries(details).flatMap(([name, value]) => {
    const text = auditTexts.details[name]?.(value);
    return text ? [text] : [];
  });
}

/** Columns of the CSV, in their order. */
export const auditCsvColumns = [
  'id',
  'at',
  'act',
  'principal_id',
  'principal_name',
  'origin',
  'origin_name',
  'agent',
  'resource',
  'record',
  'task',
  'details',
  'seal',
] as const;

export function auditCsvLine(
  { list }: Pick<ResourceRegistry, 'list'>,
  entry: ListedEntry,
): (string | number | null)[] {
  const model = list.find(({ slug }) => slug === entry.resource)?.model;
  const { record } = entry;
  const id = record !== null && model ? decodeURIComponent(keyToUrl(model, record)) : record;
  return [
    entry.id,
    isoTime(entry.at),
    entry.act,
    entry.principalId,
    entry.principalName,
    entry.origin,
    entry.originName,
    entry.agent,
    entry.resource,
    id,
    entry.taskId,
    JSON.stringify(entry.details),
    entry.seal,
  ];
}

declare module '../pages.ts' {
  interface Pages {
    'audit/index': AuditData;
  }
}
