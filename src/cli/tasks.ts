import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Principal } from '../auth/principal.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { infoOf } from '../task-info.ts';
import type { TaskContext } from '../tasks/context.ts';
import { cancel } from '../tasks/control/cancel.ts';
import { retry } from '../tasks/follow-ups/retry.ts';
import { listMatchingIds, listTasks } from '../tasks/looking/find-tasks.ts';
import { getTask, isTaskId } from '../tasks/looking/queries.ts';
import {
  assertPossible,
  parseTasksQuery,
  readTaskSearch,
  type TasksQuery,
} from '../tasks/looking/tasks-query.ts';
import { isFinished, unfinishedStates } from '../tasks/states.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { asOperator, named } from './as-operator.ts';
import { type Command, type CommandValues, ofAdmin, say } from './command.ts';
import { exitStatuses } from './exit-statuses.ts';

/** The filters of the page of tasks, by the options that say them; their names in its address. */
const filters = {
  state: {
    type: 'string',
    multiple: true,
    value: 'STATE',
    says: 'of this state; may be given several times',
  },
  kind: { type: 'string', value: 'KIND', says: 'bulk, or own: tasks of the project' },
  resource: { type: 'string', value: 'SLUG', says: 'about records of this resource' },
  person: { type: 'string', value: 'NAME', says: 'launched by them' },
  reason: {
    type: 'string',
    value: 'CODE',
    says: 'in their state for this reason: error, cancelled',
  },
  acknowledged: {
    type: 'string',
    value: 'yes|no',
    says: 'somebody has seen to them, or nobody has',
  },
  queue: { type: 'string', value: 'NAME', says: 'of this queue; bulk is bulk work' },
  worker: { type: 'string', value: 'ID', says: 'that this worker is at' },
  schedule: { type: 'string', value: 'NAME', says: 'launched by this schedule' },
  parent: { type: 'string', value: 'ID', says: 'parts of this task' },
  record: { type: 'string', value: 'SLUG/ID', says: 'that changed this record, or are about it' },
  from: { type: 'string', value: 'DATE', says: 'asked for on this day or later' },
  to: { type: 'string', value: 'DATE', says: 'asked for on this day or before' },
  text: {
    type: 'string',
    value: 'TEXT',
    says: 'with this in the title, the message, or as the number',
  },
} as const satisfies Command['options'];

const defaultLimit = 50;
const maxLimit = 1_000;
const lookEveryMs = 200;
/** Read at a time of those that match. */
const readAhead = 100;

export const taskCommands: Readonly<Record<string, Command>> = {
  'tasks list': {
    says: 'Lists tasks, the newest first, by the filters of the page of tasks.',
    options: {
      ...filters,
      sort: { type: 'string', value: 'ORDER', says: 'newest, oldest or ended' },
      limit: {
        type: 'string',
        value: 'N',
        says: `as many, at most ${maxLimit}; ${defaultLimit} unless given`,
      },
      page: { type: 'string', value: 'N', says: 'the next ones: a list says when there are more' },
      ...ofAdmin,
    },
    gives: '`{ tasks, page, limit, hasMore }`',
    run: list,
  },
  'tasks show': {
    says: 'Says how a task is: its states with their times, what it refused and why, who is at it.',
    takes: 'ID',
    options: { ...ofAdmin },
    gives: '`{ task, events, failures, workers }`',
    run: show,
  },
  'tasks cancel': {
    says: 'Asks tasks to stop, those that are named or all that match, and says of each what became of it. It asks nothing.',
    takes: 'ID…',
    options: {
      matching: { type: 'boolean', says: 'all that have not ended and match the filters' },
      ...filters,
      wait: { type: 'string', value: 'SECONDS', says: 'waits for their ends, so long at most' },
      ...ofAdmin,
    },
    gives:
      '`{ tasks: [{ id, outcome, state, message }] }`; `outcome` is `cancelled`, `cancelling`, `finished`, `not-found` or `refused`',
    run: cancelSome,
  },
  'tasks retry': {
    says: 'Does again what a task did not do: the records it refused, or its run.',
    takes: 'ID',
    options: {
      code: { type: 'string', value: 'CODE', says: 'records refused for this reason alone' },
      ...ofAdmin,
    },
    gives: '`{ id, retriedBy, state }`',
    run: retryOne,
  },
};

function list(typed: CommandValues, config: Config): Promise<unknown> {
  const limit = whole(typed.limit ?? String(defaultLimit), 'limit', 1, maxLimit);
  const page = whole(typed.page ?? '1', 'page', 1, 1_000_000);
  const query = readQuery(typed);
  return asOperator(typed, config, async (context, principal) => {
    const search = await usageWhere(() => readTaskSearch(context.registry, principal, query));
    const { states, sort } = query;
    const found = await listTasks(context, principal, { page, size: limit, states, sort, search });
    const { tasks, hasNext } = found;
    for (const task of tasks) say(lineOf(task));
    if (tasks.length === 0) say('There is no such task.');
    if (hasNext) say(`There are more: --page ${page + 1}`);
    return { tasks: tasks.map(listed), page, limit, hasMore: hasNext };
  });
}

function readQuery(typed: CommandValues): TasksQuery {
  const { text, sort, ...given } = typed;
  const named = Object.keys(filters).filter((name) => name !== 'text');
  const asked = Object.fromEntries(named.map((name) => [name, given[name] ?? '']));
  return usageOf(() => {
    const query = parseTasksQuery({ ...asked, _q: text ?? '', _sort: sort ?? '' });
    assertPossible(query);
    return query;
  });
}

/** What is wrong with a filter was typed. */
function usageOf<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw typedWrongly(error);
  }
}

async function usageWhere<T>(read: () => Promise<T>): Promise<T> {
  return read().catch((error) => {
    throw typedWrongly(error);
  });
}

function typedWrongly(error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  const field = error.details.field?.replace('_q', 'text').replace('_sort', 'sort');
  return new AppError('usage', 500, field ? `--${field}: ${error.message}` : error.message);
}

function show(typed: CommandValues, config: Config, words: readonly string[]): Promise<unknown> {
  const id = oneId(words);
  return asOperator(typed, config, async (context, principal) => {
    const task = await named(`task ${id}`, () => getTask(context, principal, id));
    const more = await readMore(context, id);
    say(lineOf(task));
    if (task.message) say(`  ${task.message}`);
    if (task.requestId) say(`  request ${task.requestId}`);
    for (const { at, state, reason } of more.events)
      say(`  ${at}  ${state}${reason ? ` (${reason})` : ''}`);
    for (const { code, count } of more.failures) say(`  ${count} refused: ${code}`);
    for (const worker of more.workers) say(`  worker ${worker}`);
    return { task: wholeOf(task), ...more };
  });
}

interface More {
  events: { at: string; state: string; reason: string | null }[];
  failures: { code: string; count: number }[];
  workers: string[];
}

async function readMore({ db: { pages, t } }: TaskContext, id: number): Promise<More> {
  const [events, failures, workers] = await Promise.all([
    pages.query<{ at: Date; state: string; reason: string | null }>(
      `select at, state, reason from ${t.task_event} where task_id = $1 order by id`,
      [id],
    ),
    pages.query<More['failures'][number]>(
      `select code, count(*)::int as count from ${t.task_failure} where task_id = $1 group by code order by 2 desc, 1`,
      [id],
    ),
    pages.query<{ id: string }>(
      `select distinct worker_id as id from ${t.task_slot} where task_id = $1 order by 1`,
      [id],
    ),
  ]);
  return {
    events: events.rows.map(({ at, ...event }) => ({ at: at.toISOString(), ...event })),
    failures: failures.rows,
    workers: workers.rows.map((worker) => worker.id),
  };
}

interface Outcome {
  id: number;
  outcome: 'cancelled' | 'cancelling' | 'finished' | 'not-found' | 'refused';
  state: string | null;
  message: string;
}

function cancelSome(
  typed: CommandValues,
  config: Config,
  words: readonly string[],
): Promise<unknown> {
  const ids = words.map(idIn);
  const isFiltered = Object.keys(filters).some((name) => typed[name] !== undefined);
  if (typed.matching === true ? ids.length > 0 : ids.length === 0 || isFiltered)
    throw new AppError(
      'usage',
      500,
      'Name tasks by their numbers, or all that match by --matching and filters. See --help.',
    );
  const waitMs = typed.wait === undefined ? null : whole(typed.wait, 'wait', 0, 86_400) * 1_000;
  const query = readQuery(typed);
  return asOperator(typed, config, async (context, principal) => {
    const wanted = typed.matching ? matching(context, principal, query) : ids;
    const outcomes: Outcome[] = [];
    for await (const id of wanted) outcomes.push(await cancelOne(context, principal, id));
    if (waitMs !== null) await waitForEnds(context, principal, outcomes, waitMs);
    for (const { message } of outcomes) say(message);
    if (outcomes.length === 0) say('No task matches that has not ended.');
    const some = (...wrong: Outcome['outcome'][]) =>
      outcomes.some(({ outcome }) => wrong.includes(outcome));
    if (some('not-found', 'refused', 'finished')) process.exitCode = exitStatuses.failed;
    else if (waitMs !== null && some('cancelling')) process.exitCode = exitStatuses.notOver;
    return { tasks: outcomes };
  });
}

/** None that is launched meanwhile. */
async function* matching(
  context: TaskContext,
  principal: Principal,
  query: TasksQuery,
): AsyncGenerator<number> {
  const given = await usageWhere(() => readTaskSearch(context.registry, principal, query));
  const states =
    query.states.length === 0
      ? unfinishedStates
      : query.states.filter((state) => !isFinished(state));
  if (states.length === 0) return;
  const { rows } = await context.db.pages.query<{ id: number }>(
    `select coalesce(max(id), 0) as id from ${context.db.t.task}`,
  );
  const search = { ...given, upTo: rows[0]?.id ?? 0 };
  for (let after = 0; ; ) {
    const some = await listMatchingIds(context.db.pages, context, principal, {
      ...{ states, search, after, limit: readAhead },
    });
    yield* some;
    after = some.at(-1) ?? 0;
    if (some.length < readAhead) return;
  }
}

async function cancelOne(context: TaskContext, principal: Principal, id: number): Promise<Outcome> {
  try {
    const state = await cancel(context, principal, id);
    return state === 'cancelled' ? cancelled(id) : cancelling(id);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    if (error.code === 'not-found')
      return { id, outcome: 'not-found', state: null, message: `There is no task ${id}.` };
    const { state } = await getTask(context, principal, id);
    if (isFinished(state)) return ended(id, state);
    return { id, outcome: 'refused', state, message: `Task ${id} goes on: ${error.message}` };
  }
}

const cancelled = (id: number): Outcome => ({
  ...{ id, outcome: 'cancelled', state: 'cancelled', message: `Task ${id} was cancelled.` },
});

const cancelling = (id: number): Outcome => ({
  ...{ id, outcome: 'cancelling', state: 'cancelling' },
  message: `Task ${id} is being cancelled, and stops before what it does next.`,
});

const ended = (id: number, state: string): Outcome => ({
  ...{ id, outcome: 'finished', state },
  message: `Task ${id} had ended already: it is ${state}.`,
});

/** What they say of themselves is brought up to date. */
async function waitForEnds(
  context: TaskContext,
  principal: Principal,
  outcomes: Outcome[],
  waitMs: number,
): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (const [index, { id, outcome }] of outcomes.entries()) {
    if (outcome !== 'cancelling') continue;
    for (;;) {
      const { state } = await getTask(context, principal, id);
      if (isFinished(state))
        outcomes[index] = state === 'cancelled' ? cancelled(id) : ended(id, state);
      if (isFinished(state) || Date.now() >= deadline) break;
      await wait(Math.min(lookEveryMs, Math.max(1, deadline - Date.now())));
    }
  }
}

function retryOne(
  typed: CommandValues,
  config: Config,
  words: readonly string[],
): Promise<unknown> {
  const id = oneId(words);
  return asOperator(typed, config, async (context, principal) => {
    const again = { operationId: randomUUID(), code: typed.code ?? null };
    const { task } = await named(`task ${id}`, () => retry(context, principal, id, again));
    say(`Task ${task.id} does again what task ${id} did not: it is ${task.state}.`);
    return { id, retriedBy: task.id, state: task.state };
  });
}

function oneId(words: readonly string[]): number {
  if (words.length !== 1)
    throw new AppError('usage', 500, 'Name one task by its number. See --help.');
  return idIn(words[0] ?? '');
}

function idIn(text: string): number {
  const id = /^#?\d+$/.test(text) ? Number(text.replace('#', '')) : Number.NaN;
  if (!isTaskId(id)) throw new AppError('usage', 500, `"${text}" is not the number of a task.`);
  return id;
}

function whole(text: string, option: string, low: number, high: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= low && number <= high) return number;
  throw new AppError('usage', 500, `--${option} must be a whole number from ${low} to ${high}.`);
}

/** What a list has of a task: nothing of what it was given, or returned. */
function listed(task: TaskRow): object {
  const { params: _, meta: __, result: ___, ...info } = infoOf<unknown>(task);
  const { kind, queue, backend, requestId, attempts } = task;
  return { ...info, kind, queue: kind === 'bulk' ? 'bulk' : queue, backend, requestId, attempts };
}

function wholeOf(task: TaskRow): object {
  const { params, meta, result } = infoOf<unknown>(task);
  const { changed, unchanged, failed, gone, conflicted, keptBack, deaths, followsId, parentId } =
    task;
  const counts = { changed, unchanged, failed, gone, conflicted, keptBack };
  return { ...listed(task), params, meta, result, counts, deaths, followsId, parentId };
}

function lineOf({
  id,
  state,
  title,
  principalName,
  done,
  total,
  expected,
  createdAt,
}: TaskRow): string {
  const of = total ?? expected;
  return [
    `${id}`,
    state,
    title,
    `by ${principalName}`,
    of === null ? `${done} done` : `${done} of ${of}`,
    createdAt.toISOString(),
  ].join('  ');
}
