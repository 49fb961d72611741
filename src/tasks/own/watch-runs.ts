import type { Pool } from 'pg';
import { transaction } from '../../db/transaction.ts';
import type { TaskContext } from '../context.ts';
import { whyNot } from '../running/may-run.ts';
import type { TaskState } from '../states.ts';
import { stopTask } from '../stop-task.ts';
import type { OwnRun } from './run-own.ts';

/** How often it is looked whether runs were cancelled, or have lost their slot. */
const watchEveryMs = 200;

/** Stops runs, by the tokens of their slots, that are to stop. */
export function watchRuns(
  context: TaskContext,
  pool: Pool,
  runs: ReadonlyMap<string, OwnRun>,
): { stop(): void } {
  let isWatching = false;
  let isAsking = false;
  const loops = [
    setInterval(() => void watch(), watchEveryMs),
    // Apart: who somebody is may be asked of code of the project's, which may not answer.
    setInterval(() => void askPeople(), Math.max(watchEveryMs, context.settings.personAgainMs)),
  ];
  return { stop: () => loops.forEach(clearInterval) };

  async function watch(): Promise<void> {
    if (runs.size === 0 || isWatching) return;
    isWatching = true;
    // One that is taken while the question is on its way is not in its answer.
    const asked = [...runs];
    try {
      const { t } = context.db;
      const { rows } = await pool.query<{ token: string; state: string }>(
        `select coalesce(lapsed_token, token) as token, case when lapsed_token is null then task.state else 'lapsed' end as state
         from ${t.task_slot} slot join ${t.task} task on task.id = slot.task_id where coalesce(lapsed_token, token) = any($1::uuid[])`,
        [asked.map(([token]) => token)],
      );
      const states = new Map(rows.map(({ token, state }) => [token, state]));
      for (const [token, run] of asked) {
        const state = states.get(token);
        if (state === 'lapsed') run.stop('hard-limit');
        else if (state === 'cancelling') run.stop('cancelled');
        else if (state === 'pausing') run.stop('paused');
        else if (state !== 'running') run.stop('lost');
      }
    } catch (error) {
      context.log('warning', 'runs are looked after again', { error });
    } finally {
      isWatching = false;
    }
  }

  /** What runs for somebody who may not sign in any more, or not launch it, is cancelled. */
  async function askPeople(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      for (const { task } of [...runs.values()]) {
        const refusal = await whyNot(context, task);
        if (refusal) await cancelRun(task.id, refusal.message);
      }
    } catch (error) {
      context.log('warning', 'people of runs are asked for again', { error });
    } finally {
      isAsking = false;
    }
  }

  async function cancelRun(id: number, message: string): Promise<void> {
    const { t } = context.db;
    await transaction(pool, async (client) => {
      const { rows } = await client.query<{ state: TaskState }>(
        `select state from ${t.task} where id = $1 and state in ('running', 'pausing') for update`,
        [id],
      );
      const [row] = rows;
      if (row)
        await stopTask(client, context, { id, kind: 'own', ...row, isWorkedOn: true }, { message });
    });
  }
}
