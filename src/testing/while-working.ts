import { startWorker } from '../tasks/worker/worker.ts';
import type { TestApp } from './app.ts';

/** Has a worker run whatever there is as long as `work` takes, and stops it whatever comes of it. */
export async function whileWorking<T>(
  { context, connectionString }: Pick<TestApp, 'context' | 'connectionString'>,
  work: () => Promise<T>,
): Promise<T> {
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  return work().finally(() => worker.stop());
}
