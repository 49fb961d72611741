import { createHash } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { blame, sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import type { Queryable } from '../../db/transaction.ts';
import { withSavepoint } from '../../db/with-savepoint.ts';
import { AppError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { queryableOf } from '../../operations/rules/client-transaction.ts';
import type { Client } from '../../resources/client.ts';
import { TaskGiveUp, type TaskRun } from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import { acknowledge } from '../control/acknowledge.ts';
import { cancelWithin } from '../control/cancel.ts';
import { taskHeld } from '../control/lock-task.ts';
import { retry } from '../follow-ups/retry.ts';
import { listMatchingIds, type TaskSearch } from '../looking/find-tasks.ts';
import { parseTasksSearch, readTaskSearch } from '../looking/tasks-query.ts';
import { inactive, personNow } from '../running/may-run.ts';
import type { TaskState } from '../states.ts';
import { countMatched, type Matched, type MatchedCounts } from './matched.ts';
import { type MatchingAct, type MatchingParams, queryOf } from './matching-acts.ts';

/** Numbers of tasks that are read at a time. */
const readAhead = 100;
const maxMessageLength = 500;

/** Left alone, and why. */
class LeftAlone extends AppError {
  readonly followUpId: number | null;

  constructor(code: string, message: string, followUpId: number | null = null) {
    super(code, 409, message);
    this.followUpId = followUpId;
  }
}

/** What became of one of them: its number, and of a retry already what. */
interface Item {
  id: number;
  matched: Matched | null;
}

/**
 * Goes through all tasks that match, one after the other: each is asked again as its person may now
 * (who may sign in, sees it, may do it), and whether it matches still; what is refused is left alone,
 * with its reason. What was done to each is kept in the transaction that does it, with how far it
 * came; a retry, which is launched apart, is known by its operation id.
 */
export async function actOnMatching(
  context: TaskContext,
  act: MatchingAct,
  params: MatchingParams,
  run: TaskRun,
): Promise<MatchedCounts> {
  const { db } = context;
  const { lineId, launcher } = await readSelf(context, run.id);
  const wanted = await readWanted(context, act, launcher, params, lineId);
  let done = (await countMatched(db, lineId)).found;
  let ahead: number[] = [];
  const total = params.isExact ? params.shown : null;
  run.progress(done, total);

  await run.each('tasks', source, keep, { size: 1 });

  const counts = await countMatched(db, lineId);
  if (counts.done === 0) throw new TaskGiveUp(nothingDone[act]);
  return counts;

  async function source(after: unknown) {
    const place = Number(after ?? 0);
    if (ahead.length === 0)
      ahead = await listMatchingIds(db.pages, context, launcher, {
        ...wanted,
        after: place,
        limit: readAhead,
      });
    const id = ahead.shift();
    if (id === undefined) return [];
    const matched = act === 'retry' ? await outcomeOf(() => tryAgain(id)) : null;
    return [{ item: { id, matched }, position: id }];
  }

  async function keep([item]: readonly Item[], tx: unknown): Promise<void> {
    const client = queryableOf(tx as Client);
    const { id, matched } = item as Item;
    const { code, message, followUpId } = matched ?? (await outcomeOf(() => actWithin(client, id)));
    await query(
      client,
      sql`insert into ${raw(db.t.matched_task)} (line_id, task_id, code, message, follow_up_id)
          values (${lineId}::int, ${id}::int, ${code}::text, ${message?.slice(0, maxMessageLength) ?? null}::text, ${followUpId}::int)`,
    );
    run.progress(++done, total);
  }

  async function tryAgain(id: number): Promise<number> {
    const person = await getPerson();
    await assertMatches(db.pages, id);
    const operationId = operationIdOf(lineId, id, person);
    const { task, outcome } = await retry(context, person, id, { operationId, code: null });
    if (outcome !== 'queued' && outcome !== 'inline' && task.operationId !== operationId)
      throw new LeftAlone('under-way', 'It is being tried again already.', task.id);
    return task.id;
  }

  async function actWithin(client: Queryable, id: number): Promise<null> {
    const person = await getPerson();
    await client.query(`set local lock_timeout = ${limits.waiting.forLockMs}`);
    await withSavepoint(client, async (within) => {
      if (act === 'cancellation') {
        const message = `Cancelled by ${person.name}, with all that matched (task ${run.id}).`;
        const assertWanted = async (state: TaskState) => {
          if (state === 'cancelling')
            throw new LeftAlone('cancelling', 'It was being cancelled already.');
          await assertMatches(within, id);
        };
        await cancelWithin(within, context, person, id, { message, assertWanted });
        return;
      }
      await assertMatches(within, id);
      if (!(await acknowledge(context, person, id, within)))
        throw new LeftAlone('acknowledged', 'Somebody had seen to it already.');
    });
    return null;
  }

  async function getPerson(): Promise<Principal> {
    const person = await personNow(context, launcher);
    if (person) return person;
    const { code, message } = inactive({ principalName: launcher.name });
    throw new LeftAlone(code, message);
  }

  async function assertMatches(client: Queryable, id: number): Promise<void> {
    const [found] = await listMatchingIds(client, context, launcher, { ...wanted, only: id });
    if (found === undefined)
      throw new LeftAlone('matches-no-more', 'It matched no more when its turn came.');
  }

  async function outcomeOf(work: () => Promise<number | null>): Promise<Matched> {
    try {
      return { code: null, message: null, followUpId: await work() };
    } catch (error) {
      const code = sqlstateOf(error);
      if (code === sqlstate.lockNotAvailable)
        return { code: 'busy', message: taskHeld, followUpId: null };
      if (error instanceof LeftAlone)
        return { code: error.code, message: error.message, followUpId: error.followUpId };
      if (error instanceof AppError && error.status < 500)
        return { code: error.code, message: error.message, followUpId: null };
      // What passes is tried again by the next attempt.
      if (blame(error) === 'passing' || error instanceof AppError) throw error;
      context.log('error', 'a task that matches could not be acted on', {
        taskId: run.id,
        error,
      });
      return { code: 'error', message: unexpected, followUpId: null };
    }
  }
}

const unexpected = 'It ended by an unexpected error. The log has the details.';

const nothingDone: Record<MatchingAct, string> = {
  cancellation: 'None of them was cancelled.',
  retry: 'None of them was tried again.',
  acknowledgement: 'None of them was seen to.',
};

/** The first of its line, by which it keeps what it has done, and on whose behalf it was launched. */
async function readSelf(
  { db }: TaskContext,
  id: number,
): Promise<{ lineId: number; launcher: Principal }> {
  const { rows } = await query<{ lineId: number; launcher: Principal }>(
    db.pages,
    sql`select coalesce(line_id, id) as "lineId", principal as launcher from ${raw(db.t.task)} where id = ${id}`,
  );
  return rows[0] as { lineId: number; launcher: Principal };
}

/** Throws TaskGiveUp where the filter means nothing (any more). */
async function readWanted(
  context: TaskContext,
  act: MatchingAct,
  launcher: Principal,
  { filter, timeZone, upTo }: MatchingParams,
  lineId: number,
): Promise<{ states: readonly TaskState[]; search: TaskSearch }> {
  try {
    const asked = queryOf(act, parseTasksSearch(filter));
    if (!asked) throw new TaskGiveUp(nothingDone[act]);
    const reader = { ...launcher, ...(timeZone !== undefined && { timeZone }) };
    const search = await readTaskSearch(context.registry, reader, asked);
    // Neither itself nor what it launches.
    return { states: asked.states, search: { ...search, upTo: Math.min(upTo, lineId - 1) } };
  } catch (error) {
    if (error instanceof AppError) throw new TaskGiveUp(error.message);
    throw error;
  }
}

/** Tried again by the same run it is the same, whatever died. */
function operationIdOf(lineId: number, taskId: number, { id }: Principal): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([lineId, taskId, id]))
    .digest('hex');
  return hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
