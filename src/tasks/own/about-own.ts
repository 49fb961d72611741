import type { Pool } from 'pg';
import { transaction } from '../../db/transaction.ts';
import { parseKey } from '../../metadata/keys.ts';
import type { TaskContext } from '../context.ts';
import { holdLease, type Lease } from '../running/lease.ts';
import { RunLost } from './steps.ts';

const maxAbout = 1_000;

/** Keeps that a task is about a record. Said again it does nothing. */
export async function keepAbout(
  { db: { t }, registry }: TaskContext,
  pool: Pool,
  lease: Lease,
  slug: string,
  id: string | number,
): Promise<void> {
  const { model } = registry.get(slug);
  const key = parseKey(model, String(id));
  await transaction(pool, async (client) => {
    if (!(await holdLease(client, t, lease))) throw new RunLost(lease.taskId);
    await client.query(
      `insert into ${t.task_about} (task_id, model, key) values ($1, $2, $3) on conflict do nothing`,
      [lease.taskId, model.name, key],
    );
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from ${t.task_about} where task_id = $1`,
      [lease.taskId],
    );
    if ((rows[0]?.count ?? 0) > maxAbout)
      throw new RangeError('about: a task is about 1,000 records at the most.');
  });
}
