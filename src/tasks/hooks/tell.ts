import type { Pool } from 'pg';
import type { TaskEvent } from '../../task-definitions/task-hooks.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql } from '../liveness.ts';
import { deliverNext, inTime } from './deliver.ts';
import { announceHooks, fanOut, listensTo } from './fan-out.ts';

const everyMs = 250;
const announceEveryMs = 3_600_000;

/**
 * Tells the project's hooks what becomes of tasks, until stopped. A worker does; a process of pages
 * does (`worker` null) as long as no worker is alive.
 */
export function startTelling(
  context: TaskContext,
  pool: Pool,
  worker: { id: string } | null,
): { stop(): Promise<void> } {
  const { hooks, log, db } = context;
  const latestOf = new Map<number, string>();
  let isStopped = false;
  let wakeUp: () => void = () => undefined;
  let announcedAt = 0;
  const loop = (async () => {
    while (!isStopped) {
      try {
        await tellOnce();
      } catch (error) {
        log('warning', 'hooks are told again', { error: String(error) });
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
        if (isStopped) wakeUp();
      });
    }
  })();
  return {
    async stop() {
      isStopped = true;
      wakeUp();
      await loop;
    },
  };

  async function tellOnce(): Promise<void> {
    if (Date.now() - announcedAt > announceEveryMs) {
      await announceHooks(pool, context);
      announcedAt = Date.now();
    }
    if (worker === null && (await isWorkerAlive())) return;
    for (let count = 1; count > 0 && !isStopped; ) {
      const fanned = await fanOut(pool, context);
      for (const { name, taskId } of fanned.unheard) log('debug', name, { taskId });
      count = fanned.count;
    }
    if (hooks.length === 0) return;
    while (!isStopped && (await deliverNext(context, pool)));
    if (worker) await tellProgress(worker.id);
  }

  async function isWorkerAlive(): Promise<boolean> {
    const { rows } = await pool.query<{ isAlive: boolean }>(
      `select exists (select 1 from ${db.t.worker} worker where ${isAliveSql}) as "isAlive"`,
    );
    return rows[0]?.isAlive ?? false;
  }

  /** The latest counts of what this worker is at. They are not kept: the next ones tell more. */
  async function tellProgress(workerId: string): Promise<void> {
    const listeners = hooks.filter((hook) => listensTo(hook, 'task:progressed'));
    if (listeners.length === 0) return;
    const { t } = db;
    const { rows } = await pool.query<
      TaskEvent['task'] & {
        principalId: string;
        principalName: string;
        progressMessage: string | null;
      }
    >(
      `select id, title, operation, resource, state, reason, message, meta, done, coalesce(total, expected) as total, changed, failed,
         principal_id as "principalId", principal_name as "principalName", progress_message as "progressMessage"
       from ${t.task} where state = 'running' and id in (select task_id from ${t.task_slot} where worker_id = $1)`,
      [workerId],
    );
    const running = new Set(rows.map(({ id }) => id));
    for (const id of latestOf.keys()) if (!running.has(id)) latestOf.delete(id);
    for (const { principalId, principalName, progressMessage, ...task } of rows) {
      const latest = `${task.done} ${task.total} ${progressMessage}`;
      if (task.done === 0 || latestOf.get(task.id) === latest) continue;
      latestOf.set(task.id, latest);
      const principal = { id: principalId, name: principalName };
      const event: TaskEvent = {
        id: null,
        name: 'task:progressed',
        at: new Date(),
        by: null,
        task: { ...task, message: progressMessage ?? task.message, principal },
      };
      for (const hook of listeners)
        try {
          await inTime(async () => hook.run(event, { client: context.registry.client }));
        } catch (error) {
          log('warning', 'a hook of the project’s failed', {
            hook: hook.name,
            event: event.name,
            taskId: task.id,
            error: String(error),
          });
        }
    }
  }
}
