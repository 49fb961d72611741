import type { TaskContext } from '../tasks/context.ts';
import { deliverNext } from '../tasks/hooks/deliver.ts';
import { fanOut } from '../tasks/hooks/fan-out.ts';

/** All that is there to be delivered by now, and what is gathered and put off too where it is asked. */
export async function deliverAll(
  context: TaskContext,
  { waiting = 'stays' }: { waiting?: 'stays' | 'is due' } = {},
): Promise<void> {
  const { pages, t } = context.db;
  while ((await fanOut(pages, context)).isFull);
  while (await deliverNext(context, pages));
  if (waiting === 'is due')
    await pages.query(`update ${t.notice} set due_at = now() where state = 'waiting'`);
  for (const { deliverNext: next } of context.outboxes) while (await next(pages));
}
