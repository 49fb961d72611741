import type { AdminDefinition } from './admin-definition.ts';
import { systemPrincipal } from './auth/system-principal.ts';
import { buildContext } from './build-context.ts';
import { configFor } from './config-for.ts';
import type { TaskManager } from './task-manager.ts';
import { managersOf } from './task-managers.ts';
import type { TaskContext } from './tasks/context.ts';

/** Which admin, over which database. */
export interface TaskManagerOptions {
  /** The definition that the pages and workers serve. */
  admin: AdminDefinition;
  /** Of the database that they share. */
  databaseUrl: string;
  /** Called with what is worth knowing. Default: nothing is logged. */
  log?: TaskContext['log'];
}

/**
 * Launches and follows tasks from scripts and servers of your own, over the database that pages and
 * workers share. Workers run them: `npm run work`.
 *
 * @throws what is wrong with the definitions, all of it at once
 *
 * @example
 * const recount = defineTask({
 *   name: 'places.recount',
 *   params: z.object({ country: z.string() }),
 *   run: () => ({ places: 42 }),
 * });
 * const tasks = await createTaskManager({ admin, databaseUrl });
 * const task = await tasks.launch(recount, { country: 'ESP' });
 * const { places } = await tasks.wait(task, { timeoutMs: 60_000 });
 * await tasks.close();
 */
export async function createTaskManager({
  admin,
  databaseUrl,
  log = () => undefined,
}: TaskManagerOptions): Promise<TaskManager> {
  const config = configFor(databaseUrl);
  const { db, context } = await buildContext(databaseUrl, config, admin, log);
  return taskManagerOf(admin, context, () => db.close());
}

/** The admin's manager, for the system. */
export function taskManagerOf(
  admin: AdminDefinition,
  context: TaskContext,
  close?: () => Promise<void>,
): TaskManager {
  return managersOf(admin, context)(null, systemPrincipal('code'), close);
}
