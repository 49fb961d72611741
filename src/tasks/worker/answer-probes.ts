import type { Client, Pool } from 'pg';
import type { TaskContext } from '../context.ts';

/** What is sent to every worker at once begins so, and goes on with the number of a probe. */
export const probeCall = 'probe:';

export interface ProbeAnswers {
  /** Answers a notification where it is that of a probe. */
  hear(payload: string | undefined): void;
  /** Answers a call of the queue where it is that of a probe, which has a number below 0; false: it is a task's. */
  take(taskId: number): Promise<boolean>;
}

/** A worker says that it knows probes, and answers them. */
export async function answerProbes(
  { db: { t }, log }: Pick<TaskContext, 'db' | 'log'>,
  session: Pick<Client, 'query'>,
  { id, pool }: { id: string; pool: Pool },
): Promise<ProbeAnswers> {
  await session.query(`update ${t.worker} set answers_probes = true where id = $1`, [id]);
  return {
    hear(payload) {
      if (!payload?.startsWith(probeCall)) return;
      pool
        .query(`update ${t.probe} set heard_by = heard_by || $2::uuid where id = $1`, [
          Number(payload.slice(probeCall.length)),
          id,
        ])
        .catch((error) => log('warning', 'a probe was not answered', { error }));
    },
    async take(taskId) {
      if (taskId >= 0) return false;
      await pool.query(
        `update ${t.probe} set taken_at = clock_timestamp(), taken_by = $2 where id = $1`,
        [-taskId, id],
      );
      await pool.query(`update ${t.probe} set finished_at = clock_timestamp() where id = $1`, [
        -taskId,
      ]);
      return true;
    },
  };
}
