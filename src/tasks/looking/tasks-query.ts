import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { readDateSpan } from '../../fields/timestamp.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { parseKey } from '../../metadata/keys.ts';
import { bulkQueue, isQueueName } from '../../queue-names.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { readRecord } from '../../selection/record.ts';
import { type TaskState, taskStates } from '../states.ts';
import { type TaskSearch, type TaskSort, taskSorts } from './find-tasks.ts';
import { isTaskId } from './queries.ts';

const number = new Intl.NumberFormat('en');

/** What is said of an address that means nothing. */
export const wrongQuery = {
  page: 'Pages are numbered from 1.',
  far: (count: number) =>
    `Pages go as far as ${number.format(count)} tasks. Filter them, or turn the order round.`,
  state: 'There is no such state of a task.',
  sort: 'Tasks are not sorted by that.',
  text: 'This text cannot be looked for: it is too long, or there are several.',
  kind: 'There is no such kind of task.',
  acknowledged: 'It is yes or no.',
  queue: 'There is no such queue.',
  worker: 'That is not the id of a worker.',
  parent: 'That is not the number of a task.',
  time: 'That is no date, such as 2026-01-31.',
  record: 'There is no such record. Name one as in its address: cities/42.',
};

/** What the page of tasks is filtered by beside states, by its names in the address, in the form's order. */
export const filterNames = [
  'kind',
  'resource',
  'person',
  'reason',
  'acknowledged',
  'queue',
  'worker',
  'schedule',
  'parent',
  'record',
  'from',
  'to',
  '_q',
] as const;
export type FilterName = (typeof filterNames)[number];

/** What the page of tasks is asked for, as its address says it. */
export interface TasksQuery {
  page: number;
  /** None: any. */
  states: readonly TaskState[];
  sort: TaskSort;
  /** As given, trimmed; what is empty is left out. */
  given: Readonly<Partial<Record<FilterName, string>>>;
}

/** Throws AppError 'invalid-page' or 'invalid-filter' (422): what is wrong is never taken for any. */
export function parseTasksQuery(query: Record<string, unknown>): TasksQuery {
  const page = Number(textsOf(query._page ?? '1')[0]);
  if (!Number.isInteger(page) || page < 1 || page > 1_000_000)
    throw new AppError('invalid-page', 422, wrongQuery.page, { field: '_page' });
  const states = [...new Set(textsOf(query.state).filter((state) => state !== ''))];
  for (const state of states)
    if (!Object.hasOwn(taskStates, state)) throw invalid('state', wrongQuery.state);
  const [sort = ''] = textsOf(query._sort);
  if (sort !== '' && !taskSorts.some((one) => one === sort))
    throw invalid('_sort', wrongQuery.sort);
  const given = filterNames.flatMap((name) => {
    const [text = '', ...more] = textsOf(query[name]).map((one) => one.trim());
    if (more.length > 0 || text.length > limits.shown.cellLength || text.includes('\0'))
      throw invalid(name, wrongQuery.text);
    return text === '' ? [] : [[name, text]];
  });
  return {
    page,
    states: states as TaskState[],
    sort: sort === '' ? 'newest' : (sort as TaskSort),
    given: Object.fromEntries(given),
  };
}

function invalid(field: string, message: string): AppError {
  return new AppError('invalid-filter', 422, message, { field });
}

/** `?state=failed&_page=2`; nothing where all of it is as it is without. */
export function tasksSearch({ page, states, sort, given }: TasksQuery): string {
  const parameters = new URLSearchParams(states.map((state) => ['state', state]));
  for (const name of filterNames) if (given[name]) parameters.set(name, given[name]);
  if (sort !== 'newest') parameters.set('_sort', sort);
  if (page > 1) parameters.set('_page', String(page));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** What such a text asks for, with its question mark or without. Throws as `parseTasksQuery`. */
export function parseTasksSearch(text: string): TasksQuery {
  const parameters = new URLSearchParams(text);
  return parseTasksQuery(
    Object.fromEntries([...parameters.keys()].map((name) => [name, parameters.getAll(name)])),
  );
}

/** The same of the list that a link names; of one that is wrong, nothing. */
export function namedSearch(named: unknown): string {
  const query = namedQuery(textsOf(named)[0] ?? '');
  return query === null ? '' : tasksSearch(query);
}

/** What a list's query means; null: it is wrong. */
export function namedQuery(search: string): TasksQuery | null {
  try {
    return parseTasksSearch(search);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

export function isFiltered({ states, given }: TasksQuery): boolean {
  return states.length > 0 || Object.keys(given).length > 0;
}

/** Throws AppError 'invalid-filter' (422) for what no task can be, whoever asks. */
export function assertPossible({ given }: TasksQuery): void {
  const { kind, acknowledged, queue, worker, parent } = given;
  if (kind && kind !== 'bulk' && kind !== 'own') throw invalid('kind', wrongQuery.kind);
  if (acknowledged && acknowledged !== 'yes' && acknowledged !== 'no')
    throw invalid('acknowledged', wrongQuery.acknowledged);
  if (queue && queue !== bulkQueue && !isQueueName(queue)) throw invalid('queue', wrongQuery.queue);
  if (worker && !uuid.test(worker)) throw invalid('worker', wrongQuery.worker);
  if (parent && !isTaskId(Number(parent))) throw invalid('parent', wrongQuery.parent);
}

/**
 * What it means. One statement where it names a record. Throws AppError 'invalid-filter' (422): a
 * record that is out of reach is as one that there is not.
 */
export async function readTaskSearch(
  registry: ResourceRegistry,
  principal: Principal,
  query: TasksQuery,
): Promise<TaskSearch> {
  assertPossible(query);
  const { given } = query;
  const { kind, resource, person, reason, acknowledged, queue, worker, schedule } = given;
  const { parent, record, from, to } = given;
  const spanOf = (name: 'from' | 'to', text: string) => {
    const span = readDateSpan(text, 'timestamptz', readerOf(principal).timeZone);
    if (!span?.end) throw invalid(name, wrongQuery.time);
    return span;
  };
  const search = {
    kind,
    resource,
    person,
    reason,
    isAcknowledged: acknowledged && acknowledged === 'yes',
    queue,
    worker,
    schedule,
    parent: parent && Number(parent),
    record: record && (await readRecordFilter(registry, principal, record)),
    from: from && spanOf('from', from).start,
    until: to && spanOf('to', to).end,
    text: given._q,
  };
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) => value !== undefined),
  ) as TaskSearch;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `cities/42`, as in the address of its page. */
async function readRecordFilter(
  registry: ResourceRegistry,
  principal: Principal,
  text: string,
): Promise<TaskSearch['record']> {
  const [, slug = '', id = ''] = /^\/?([^/]+)\/(.+)$/.exec(text) ?? [];
  try {
    const resource = registry.for(principal, slug);
    const key = parseKey(resource.model, id);
    // Who sees the tasks of every record may ask for one that is there no more.
    if (!resource.seesTasks(principal)) await readRecord(registry, resource, principal, key, []);
    return { model: resource.model.name, key };
  } catch (error) {
    if (error instanceof AppError) throw invalid('record', wrongQuery.record);
    throw error;
  }
}
