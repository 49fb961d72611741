import { idsNow, type LogIds } from '../log/ids.ts';
import type { Span } from '../log/watching.ts';
import type { TaskContext } from './context.ts';

/** Runs a part of what goes on within what the project puts around such. */
export function spanned<T>(
  { around }: Pick<TaskContext, 'around'>,
  { ids, ...span }: Omit<Span, 'ids'> & { ids?: LogIds },
  run: () => Promise<T>,
): Promise<T> {
  return around ? around({ ...span, ids: { ...idsNow(), ...ids } }, run) : run();
}
