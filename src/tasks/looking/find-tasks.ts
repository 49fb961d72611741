import type { Principal } from '../../auth/principal.ts';
import type { TableNames } from '../../db/names.ts';
import { empty, join, query, raw, type Sql, shared, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { recordChangesSql } from '../../operations/journal/history.ts';
import { bulkQueue } from '../../queue-names.ts';
import type { TaskContext } from '../context.ts';
import { isFinished, type TaskState, taskStates } from '../states.ts';
import { type TaskRow, taskColumns } from '../task-row.ts';
import { seenSql } from '../who-sees.ts';
import { isUndoneSql } from './failed-records.ts';

/** Which tasks somebody looks for; what is left out is any. Each has its index. */
export interface TaskSearch {
  readonly kind?: TaskRow['kind'];
  /** Slug of the resource whose records it is about. */
  readonly resource?: string;
  /** Name of who launched it, whatever the case of its letters. */
  readonly person?: string;
  readonly reason?: string;
  /** `bulk`, or the queue of an own task. */
  readonly queue?: string;
  /** Id of a worker that is at it now. */
  readonly worker?: string;
  /** Name of the schedule that launched it. */
  readonly schedule?: string;
  /** The task that launched it as a part of itself. */
  readonly parent?: number;
  /** Whether somebody has said that they have seen to it. */
  readonly isAcknowledged?: boolean;
  /** A record that it changed, or, of an own task, is about. */
  readonly record?: { readonly model: string; readonly key: string };
  /** Asked for not before this. */
  readonly from?: Date;
  /** Asked for before this. */
  readonly until?: Date;
  /** Within the title, the message, or as the number, of the newest `newestSearched` tasks. */
  readonly text?: string;
  /** No later task, whose number is greater: neither found, nor among the newest. */
  readonly upTo?: number;
}

/** Tasks that a text is looked for in. */
export const newestSearched = 10_000;

export const taskSorts = ['newest', 'oldest', 'ended'] as const;
export type TaskSort = (typeof taskSorts)[number];

const orders: Record<TaskSort, Sql> = {
  newest: raw('id desc'),
  oldest: raw('id'),
  ended: raw('finished_at desc nulls last, id desc'),
};

/** In the order of numbers too, but by the index that a span of time is found by. */
const ordersInTime: Partial<Record<TaskSort, Sql>> = {
  newest: raw('created_at desc, id desc'),
  oldest: raw('created_at, id'),
};

function orderOf(sort: TaskSort, { from, until }: TaskSearch): Sql {
  return ((from || until) && ordersInTime[sort]) || orders[sort];
}

type Looking = Pick<TaskContext, 'db' | 'registry' | 'people'>;

/** A task on the dashboard. */
export type ListedTask = TaskRow & {
  /** Its undos have put back what it changed, and none of them was undone in its turn. */
  isUndone: boolean;
};

export interface TaskPage {
  tasks: ListedTask[];
  hasNext: boolean;
}

/** One statement. */
export async function listTasks(
  context: Looking,
  principal: Principal,
  {
    page,
    size,
    states = [],
    search = {},
    sort = 'newest',
  }: {
    page: number;
    size: number;
    /** None: any. */
    states?: readonly TaskState[];
    search?: TaskSearch;
    sort?: TaskSort;
  },
): Promise<TaskPage> {
  const { db } = context;
  const task = raw(db.t.task);
  const wanted = shared(await wantedSql(context, principal, search));
  const offset = (page - 1) * size;
  const order = orderOf(sort, search);
  // Each is sorted by itself: the planner then takes whichever index finds its first ones soonest.
  const branches = groupsOf(search).flatMap((group) => {
    const some = states.length === 0 ? group : group.filter((state) => states.includes(state));
    return some.length === 0
      ? []
      : [
          sql`(select id, created_at, finished_at from ${task} where ${inStates(some)} and ${wanted} order by ${order} limit ${offset + size + 1})`,
        ];
  });
  const columns = raw(`${taskColumns(db.t)}, ${isUndoneSql(db.t, 'visible')} as "isUndone"`);
  const { rows } = await query<ListedTask>(
    db.pages,
    sql`select ${columns} from ${task} visible where id = any(array(
       select id from (${join(branches, ' union all ')}) found order by ${order} limit ${size + 1} offset ${offset}
     )) order by ${order}`,
  );
  return { tasks: rows.slice(0, size), hasNext: rows.length > size };
}

/** How many tasks are in each state; of none it is left out, and of more than `limit` `limit + 1`. */
export type StateCounts = ReadonlyMap<TaskState, number>;

/** One statement, which reads no more than `limit` tasks of a state, and one. */
export async function countTasks(
  context: Looking,
  principal: Principal,
  { search, limit }: { search: TaskSearch; limit: number },
): Promise<StateCounts> {
  const task = raw(context.db.t.task);
  const wanted = shared(await wantedSql(context, principal, search));
  const max = shared(sql`${limit + 1}::int`);
  if (search.text !== undefined)
    return (await countFound(context, principal, { search, limit })).ofState;
  const counts = allStates.map(
    (state) =>
      sql`select ${raw(`'${state}'`)} as state, (select count(*)::int from (
        select 1 from ${task} where ${inStates([state])} and ${wanted} limit ${max}) counted) as count`,
  );
  const { rows } = await query<{ state: TaskState; count: number }>(
    context.db.pages,
    join(counts, ' union all '),
  );
  return new Map(rows.flatMap(({ state, count }) => (count === 0 ? [] : [[state, count]])));
}

/** The same of a text, which is read for once, with how many of them nobody has seen to. */
export async function countFound(
  context: Looking,
  principal: Principal,
  { search, limit }: { search: TaskSearch; limit: number },
): Promise<{ ofState: StateCounts; unacknowledged: StateCounts }> {
  const max = shared(sql`${limit + 1}::int`);
  const { rows } = await query<{ state: TaskState; count: number; unseen: number }>(
    context.db.pages,
    sql`select state, least(count(*), ${max})::int as count, least(count(*) filter (where acknowledged_at is null), ${max})::int as unseen
      from ${raw(context.db.t.task)} where ${await wantedSql(context, principal, search)} group by 1`,
  );
  return {
    ofState: new Map(rows.map(({ state, count }) => [state, count])),
    unacknowledged: new Map(rows.map(({ state, unseen }) => [state, unseen])),
  };
}

/**
 * Numbers of tasks that match, in their order: those after one, or whether one still does (`only`).
 * One statement.
 */
export async function listMatchingIds(
  client: Queryable,
  context: Looking,
  principal: Principal,
  {
    states,
    search,
    after = 0,
    only,
    limit = 1,
  }: {
    states: readonly TaskState[];
    search: TaskSearch;
    after?: number;
    only?: number;
    limit?: number;
  },
): Promise<number[]> {
  const wanted = await wantedSql(context, principal, search, client);
  const place = only === undefined ? sql`id > ${after}` : sql`id = ${only}`;
  const { rows } = await query<{ id: number }>(
    client,
    sql`select id from ${raw(context.db.t.task)} where ${place} and ${inStates(states)} and ${wanted} order by id limit ${limit}`,
  );
  return rows.map(({ id }) => id);
}

const allStates = Object.keys(taskStates) as TaskState[];
const endedStates = allStates.filter(isFinished);
const unfinishedStates = allStates.filter((state) => !isFinished(state));

/** What a text is looked for in is read once: no index of states finds it. */
function groupsOf({ text }: TaskSearch): readonly (readonly TaskState[])[] {
  return text === undefined ? [endedStates, unfinishedStates] : [allStates];
}

// Written out: an index of what has ended, or has not, is used where the planner sees that the
// states are among its own.
function inStates(states: readonly TaskState[]): Sql {
  return raw(`state in (${states.map((state) => `'${state}'`).join(',')})`);
}

async function wantedSql(
  context: Looking,
  principal: Principal,
  search: TaskSearch,
  client: Queryable = context.db.pages,
): Promise<Sql> {
  const conditions = conditionsOf(context.db.t, search).map((one) => sql` and ${one}`);
  return sql`${await seenSql(context, principal, client)}${join(conditions, '')}`;
}

function conditionsOf(t: TableNames, search: TaskSearch): Sql[] {
  const { kind, resource, person, reason, queue, worker } = search;
  const { schedule, parent, record, from, until, text, isAcknowledged, upTo } = search;
  return [
    kind === undefined ? empty : ofKind(kind),
    resource === undefined ? empty : sql`resource = ${resource}`,
    person === undefined ? empty : sql`lower(principal_name) = lower(${person})`,
    reason === undefined ? empty : sql`reason = ${reason}`,
    queue === undefined ? empty : ofQueue(queue),
    worker === undefined
      ? empty
      : sql`id in (select task_id from ${raw(t.task_slot)} where worker_id = ${worker})`,
    schedule === undefined
      ? empty
      : sql`id in (select task_id from ${raw(t.schedule_run)} where schedule = ${schedule})`,
    parent === undefined ? empty : sql`parent_id = ${parent}`,
    isAcknowledged === undefined
      ? empty
      : raw(`acknowledged_at is ${isAcknowledged ? 'not null' : 'null'}`),
    record === undefined ? empty : ofRecord(t, record),
    from === undefined ? empty : sql`created_at >= ${from}`,
    until === undefined ? empty : sql`created_at < ${until}`,
    text === undefined ? empty : withText(t, text, upTo),
    upTo === undefined ? empty : sql`id <= ${upTo}`,
  ].filter((condition) => condition !== empty);
}

// Bulk work alone has a resource: the index of resources has it, that of queues what is not.
function ofKind(kind: TaskRow['kind']): Sql {
  return kind === 'own' ? sql`kind = 'own'` : sql`kind = 'bulk' and resource is not null`;
}

function ofQueue(queue: string): Sql {
  return queue === bulkQueue ? ofKind('bulk') : sql`kind = 'own' and queue = ${queue}`;
}

function ofRecord(t: TableNames, { model, key }: NonNullable<TaskSearch['record']>): Sql {
  const own = shared(sql`${key}::text`);
  return sql`id in (
    select task_id from ${raw(t.task_about)} where model = ${model} and key = ${own}
    union
    select task_id from ${raw(t.change)} where id in (${recordChangesSql(t, model, own)}))`;
}

function withText(t: TableNames, text: string, upTo: number | undefined): Sql {
  const part = shared(sql`lower(${text})`);
  const among = upTo === undefined ? empty : sql`where id <= ${upTo}`;
  return sql`id >= coalesce((select id from ${raw(t.task)} ${among} order by id desc offset ${raw(String(newestSearched - 1))} limit 1), 0)
    and (id::text = ${text.replace(/^#/, '')} or strpos(lower(title), ${part}) > 0 or strpos(lower(message), ${part}) > 0)`;
}
