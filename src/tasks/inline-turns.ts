import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database } from '../db/database.ts';
import { Turns } from '../db/turns.ts';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import { bulkQueue } from '../queue-names.ts';
import type { TaskContext } from './context.ts';
import { isAliveSql } from './liveness.ts';

type Turning = Pick<TaskContext, 'db' | 'settings'>;

const lines = new WeakMap<Database, Turns>();
/** Whose turn it is that code runs in. */
const having = new AsyncLocalStorage<Turns>();

/** Of what runs within the requests of this process. */
export function inlineTurns({ db, settings }: Turning): Turns {
  const turns =
    lines.get(db) ?? new Turns(settings.inlineMaxConcurrent, limits.waiting.forInlineMs);
  lines.set(db, turns);
  return turns;
}

/**
 * Runs work within the request, in its turn. Throws AppError 'no-turn' (503) where none came: nothing
 * was done.
 */
export async function inInlineTurn<T>(context: Turning, work: () => Promise<T>): Promise<T> {
  const turns = inlineTurns(context);
  // What is launched within such a run has the turn of that: it would wait for its own end.
  if (having.getStore() === turns) return work();
  if (!(await turns.take())) throw new AppError('no-turn', 503, limitTexts.inlineTurns);
  try {
    return await having.run(turns, work);
  } finally {
    turns.give();
  }
}

/**
 * Is what could run within a request put off to the background? Where as much runs so in this
 * process as may, and a worker is alive to do it.
 */
export async function isPutOff(context: Turning, backend: string): Promise<boolean> {
  if (!inlineTurns(context).areTaken) return false;
  const { rows } = await context.db.pages.query<{ isAlive: boolean }>(
    `select exists (select from ${context.db.t.worker} worker where (queues is null or '${bulkQueue}' = any(queues)) and $1 = any(backends) and ${isAliveSql}) as "isAlive"`,
    [backend],
  );
  return rows[0]?.isAlive ?? false;
}
