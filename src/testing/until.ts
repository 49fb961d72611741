import { setTimeout as wait } from 'node:timers/promises';

/** Waits until it is so, for a minute at most. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await isSo()); await wait(20))
    if (Date.now() > deadline) throw new Error('it did not come true');
}
