import { AsyncLocalStorage } from 'node:async_hooks';

/** From where something is done. */
export interface Origin {
  readonly kind: 'request' | 'command' | 'schedule' | 'task' | 'code';
  /** Address of a request, name of a schedule, id of a task, account and host of a command. */
  readonly name?: string | null;
  /** Browser of a request, as it calls itself. */
  readonly agent?: string | null;
}

const storage = new AsyncLocalStorage<Origin>();

/** Whatever is done within `work` comes from there. */
export function withOrigin<T>(origin: Origin, work: () => T): T {
  return storage.run(origin, work);
}

/** Where nothing says more, it is code of the project's. */
export function originNow(): Origin {
  return storage.getStore() ?? { kind: 'code' };
}
