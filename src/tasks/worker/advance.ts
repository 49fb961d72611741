import { transaction } from '../../db/transaction.ts';
import type { TaskContext } from '../context.ts';

/** Every time that something waits for, or whose age counts. */
const times = {
  task: [
    'created_at',
    'queued_at',
    'started_at',
    'finished_at',
    'rested_at',
    'due_at',
    'expires_at',
  ],
  task_event: ['at'],
  task_step: ['due_at'],
  task_start: ['at'],
  task_delivery: ['due_at'],
  notice: ['created_at', 'due_at', 'settled_at'],
  schedule: ['next_at'],
} as const;

/** Lets so much time pass for all tasks at once: everything of theirs was so much earlier. */
export async function advance({ db: { t, background } }: TaskContext, ms: number): Promise<void> {
  await transaction(background, async (client) => {
    for (const [table, columns] of Object.entries(times))
      await client.query(
        `update ${t[table as keyof typeof times]} set ${columns.map((column) => `${column} = ${column} - make_interval(secs => $1::float8 / 1000)`).join(', ')}`,
        [ms],
      );
  });
}
