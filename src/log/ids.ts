import { AsyncLocalStorage } from 'node:async_hooks';

/** What a line is about. A task's lines name the request that launched it. */
export interface LogIds {
  readonly requestId?: string | undefined;
  readonly taskId?: number | undefined;
  /** Of an own task: which try this is. */
  readonly attempt?: number | undefined;
  /** Of a bulk task: number of the chunk. */
  readonly chunk?: number | undefined;
  readonly workerId?: string | undefined;
}

const storage = new AsyncLocalStorage<LogIds>();

/** Every line that is logged within `work` has these ids, beside those around it. */
export function withIds<T>(ids: LogIds, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...ids }, work);
}

export function idsNow(): LogIds {
  return storage.getStore() ?? {};
}
