import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from 'pg';
import { advisoryClass } from '../../db/advisory-class.ts';
import { AppError } from '../../errors.ts';
import { type Backend, queueName } from '../../queue/backend.ts';
import type { TaskContext } from '../context.ts';

export const defaultPredecessorMs = 30_000;
const askEveryMs = 200;

/**
 * Where a backend is for one process alone, this is it until its session ends. The one before is
 * waited for, which may be about to stop; then AppError 'second-process' (503).
 */
export async function holdAlone(
  context: TaskContext,
  session: Client,
  hosted: readonly Backend[],
  predecessorMs: number,
): Promise<void> {
  for (const { name } of hosted.filter(({ can }) => !can.processes)) {
    const deadline = Date.now() + predecessorMs;
    while (!(await tryHold(name))) {
      if (Date.now() > deadline) throw new AppError('second-process', 503, secondProcess(name));
      await wait(askEveryMs);
    }
  }

  async function tryHold(name: string): Promise<boolean> {
    const { rows } = await session.query<{ isOurs: boolean }>(
      'select pg_try_advisory_lock($1, hashtext($2)) as "isOurs"',
      [advisoryClass.alone, `${context.db.t.task} ${name}`],
    );
    return rows[0]?.isOurs ?? false;
  }
}

function secondProcess(name: string): string {
  return `Another process runs the tasks of the backend “${name}”, which is for one process alone. Stop that first, or choose the backend “${queueName}”, which may have any number.`;
}
