import { buildContext } from './build-context.ts';
import { configFor } from './config-for.ts';
import { type TaskManagerOptions, taskManagerOf } from './create-task-manager.ts';
import type { TaskInfo } from './task-info.ts';
import type { TaskManager } from './task-manager.ts';
import { announceSchedules } from './tasks/schedules/announce-schedules.ts';
import { advance } from './tasks/worker/advance.ts';
import { drain } from './tasks/worker/drain.ts';

/** Tasks of a project under test: launched as ever, run when the test says so, by its own clock. */
export interface TestTasks {
  /** For the system, as `createTaskManager` gives it. */
  readonly tasks: TaskManager;
  /**
   * Runs everything that is due, hooks included, until nothing is. Gives the tasks that it ran.
   * Milliseconds; default: 30,000.
   *
   * @throws Error when the time is over, with what is left
   */
  drain(options?: { timeoutMs?: number }): Promise<TaskInfo[]>;
  /** Lets so many milliseconds pass: what waits for a time within them is due. */
  advance(ms: number): Promise<void>;
  /** Closes the connections. */
  close(): Promise<void>;
}

/**
 * For tests of a project's tasks: over a database of the test's own that has Bulkhead's tables, and
 * that no worker is at.
 *
 * @throws what is wrong with the definitions, all of it at once
 *
 * @example
 * const recount = defineTask({
 *   name: 'places.recount',
 *   params: z.object({ country: z.string() }),
 *   run: () => ({ places: 42 }),
 * });
 * const { tasks, drain, advance, close } = await createTestTasks({ admin, databaseUrl });
 * await tasks.launch(recount, { country: 'ESP' }, { delayMs: 3_600_000 });
 * await advance(3_600_000);
 * const [task] = await drain();
 * await close();
 */
export async function createTestTasks({
  admin,
  databaseUrl,
  log = () => undefined,
}: TaskManagerOptions): Promise<TestTasks> {
  const config = configFor(databaseUrl);
  const { db, context } = await buildContext(databaseUrl, config, admin, log);
  const tasks = taskManagerOf(admin, context);
  return {
    tasks,
    async drain({ timeoutMs = 30_000 } = {}) {
      const ran: TaskInfo[] = [];
      for (const id of await drain(context, databaseUrl, timeoutMs)) ran.push(await tasks.get(id));
      return ran;
    },
    async advance(ms) {
      if (!Number.isFinite(ms) || ms < 0)
        throw new TypeError('advance: ms is a number of milliseconds, 0 or more.');
      await announceSchedules(context.db.background, context);
      await advance(context, ms);
    },
    close: () => db.close(),
  };
}
