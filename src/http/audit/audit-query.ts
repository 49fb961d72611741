import { type AuditAct, acts } from '../../audit/acts.ts';
import type { EntrySearch } from '../../audit/list-entries.ts';
import { AppError } from '../../errors.ts';
import { readDateSpan } from '../../fields/timestamp.ts';
import { textsOf } from '../../form-texts.ts';
import { parseKey } from '../../metadata/keys.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { isTaskId } from '../../tasks/looking/queries.ts';
import { auditTexts } from './audit-texts.ts';

/** What the audit is filtered by, by its names in the address, in the form's order. */
export const auditFilters = [
  'act',
  'person',
  'address',
  'resource',
  'record',
  'task',
  'from',
  'to',
] as const;
export type AuditFilter = (typeof auditFilters)[number];

/** Characters of what is filtered by. */
const maxText = 200;

/** What the page is asked for, as its address says it. */
export interface AuditQuery {
  /** As given, trimmed; what is empty is left out. */
  readonly given: Readonly<Partial<Record<AuditFilter, string>>>;
  /** Entries from before this one; null: the newest. */
  readonly before: number | null;
}

/** Throws AppError 'invalid-filter' (422): what is wrong is never taken for any. */
export function parseAuditQuery(query: Record<string, unknown>): AuditQuery {
  const given = auditFilters.flatMap((name) => {
    const [text = '', ...more] = textsOf(query[name]).map((one) => one.trim());
    if (more.length > 0 || text.length > maxText || text.includes('\0'))
      throw invalid(name, auditTexts.wrong.text);
    return text === '' ? [] : [[name, text]];
  });
  const [before = ''] = textsOf(query._before);
  const id = Number(before);
  if (before !== '' && !(Number.isSafeInteger(id) && id > 0))
    throw invalid('_before', auditTexts.wrong.before);
  return { given: Object.fromEntries(given), before: before === '' ? null : id };
}

function invalid(field: string, message: string): AppError {
  return new AppError('invalid-filter', 422, message, { field });
}

/** `?act=signed-in&_before=17`; nothing where all of it is as it is without. */
export function auditSearch({ given, before }: AuditQuery): string {
  const parameters = new URLSearchParams();
  for (const name of auditFilters) if (given[name]) parameters.set(name, given[name]);
  if (before !== null) parameters.set('_before', String(before));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** What it means. Throws AppError 'invalid-filter' (422). */
export function readAuditSearch(
  registry: Pick<ResourceRegistry, 'list'>,
  { given }: AuditQuery,
  timeZone: string,
): EntrySearch {
  const { act, person, address, resource, record, task, from, to } = given;
  const { wrong } = auditTexts;
  if (act && !acts.some((one) => one === act)) throw invalid('act', wrong.act);
  const about = record === undefined ? null : keyIn(registry, record);
  if (about && resource && resource !== about.resource) throw invalid('record', wrong.record);
  if (task && !isTaskId(Number(task))) throw invalid('task', wrong.task);
  const spanOf = (name: AuditFilter, text: string) => {
    const span = readDateSpan(text, 'timestamptz', timeZone);
    if (!span?.end) throw invalid(name, wrong.time);
    return span;
  };
  const search = {
    act: act as AuditAct | undefined,
    person,
    originName: address,
    resource: about?.resource ?? resource,
    record: about?.record,
    taskId: task && Number(task),
    from: from && spanOf('from', from).start,
    until: to && spanOf('to', to).end,
  };
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) => value !== undefined),
  ) as EntrySearch;
}

/** `cities/42`, as in the address of its page. */
function keyIn(
  { list }: Pick<ResourceRegistry, 'list'>,
  text: string,
): { resource: string; record: string } {
  const [, slug = '', id = ''] = /^\/?([^/]+)\/(.+)$/.exec(text) ?? [];
  const resource = list.find((one) => one.slug === slug);
  if (!resource) throw invalid('record', auditTexts.wrong.record);
  try {
    return { resource: slug, record: parseKey(resource.model, id) };
  } catch (error) {
    if (error instanceof AppError) throw invalid('record', auditTexts.wrong.record);
    throw error;
  }
}
