import type { TaskManager } from './task-manager.ts';

/** What an app that Bulkhead is mounted in reaches of it: `app.bulkhead`. */
export interface Mounts {
  /** Of the one mount that there is. @throws where there are several: see `at` */
  readonly tasks: TaskManager;
  /** Of the mount at this prefix, such as `/admin`. @throws where there is none */
  at(prefix: string): { readonly tasks: TaskManager };
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Tasks of the admins that are mounted here. */
    readonly bulkhead: Mounts;
  }
}
