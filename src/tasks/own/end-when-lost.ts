import type { Pool } from 'pg';
import type { TaskContext } from '../context.ts';
import type { Taken } from './take-own.ts';

const lookEveryMs = 1_000;
/** Looks that do not find its slot: the run itself may be giving it back at the first. */
const looks = 2;

/**
 * Ends the process of a run whose slot somebody else has by now, or nobody: its worker, which would
 * end it, may be frozen.
 */
export function endWhenLost(
  { db: { t } }: TaskContext,
  pool: Pool,
  { token }: Taken,
): { stop(): void } {
  let missed = 0;
  const looking = setInterval(() => void look(), lookEveryMs);
  return { stop: () => clearInterval(looking) };

  async function look(): Promise<void> {
    const found = await pool
      .query(`select from ${t.task_slot} where coalesce(lapsed_token, token) = $1`, [token])
      .catch(() => null);
    missed = found?.rowCount === 0 ? missed + 1 : 0;
    if (missed >= looks) process.kill(process.pid, 'SIGKILL');
  }
}
