import type { Pool } from 'pg';
import type { TaskEvent } from '../../task-definitions/task-hooks.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql } from '../liveness.ts';
import { repeat } from '../repeat.ts';
import { deliverNext, handed, inTime } from './deliver.ts';
import { announceHooks, fanOut, listensTo } from './fan-out.ts';
import { taskJson } from './task-json.ts';

const everyMs = 250;
const outboxEveryMs = 500;
const announceEveryMs = 3_600_000;

/**
 * Tells the project's hooks what becomes of tasks, and delivers what else there is, until stopped. A worker does; a process of pages
 * does (`worker` null) as long as no worker is alive.
 */
export function startTelling(
  context: TaskContext,
  pool: Pool,
  worker: { id: string } | null,
): { stop(): Promise<void> } {
  const { hooks, log, db } = context;
  const latestOf = new Map<number, string>();
  let announcedAt = 0;
  const loops = [
    repeat(everyMs, tellOnce, (error) => log('warning', 'hooks are told again', { error })),
    ...context.outboxes.map(({ name, deliverNext: deliverFrom }) =>
      repeat(
        outboxEveryMs,
        async (isStopped) => {
          if (worker === null && (await isWorkerAlive())) return;
          while (!isStopped() && (await deliverFrom(pool)));
        },
        (error) => log('warning', `${name} delivers again`, { error }),
      ),
    ),
  ];
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };

  async function tellOnce(isStopped: () => boolean): Promise<void> {
    if (Date.now() - announcedAt > announceEveryMs) {
      await announceHooks(pool, context);
      announcedAt = Date.now();
    }
    if (worker === null && (await isWorkerAlive())) return;
    for (let isFull = true; isFull && !isStopped(); ) {
      const fanned = await fanOut(pool, context);
      for (const { name, ...ids } of fanned.unheard) log('debug', name, ids);
      for (const ended of fanned.ended) context.meters.ended(ended);
      isFull = fanned.isFull;
    }
    if (hooks.length === 0) return;
    while (!isStopped() && (await deliverNext(context, pool)));
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
    const { rows } = await pool.query<{ task: TaskEvent['task']; message: string | null }>(
      `select ${taskJson('state', 'reason')} as task, progress_message as message
       from ${t.task} task where state = 'running' and id in (select task_id from ${t.task_slot} where worker_id = $1)`,
      [workerId],
    );
    const running = new Set(rows.map(({ task }) => task.id));
    for (const id of latestOf.keys()) if (!running.has(id)) latestOf.delete(id);
    for (const { task, message } of rows) {
      const latest = `${task.done} ${task.total} ${message}`;
      if (task.done === 0 || latestOf.get(task.id) === latest) continue;
      latestOf.set(task.id, latest);
      const event: TaskEvent = {
        id: null,
        name: 'task:progressed',
        at: new Date(),
        by: null,
        task: { ...task, message: message ?? task.message },
      };
      for (const hook of listeners)
        try {
          await inTime(async () => hook.run(event, handed(context)));
        } catch (error) {
          log('warning', 'a hook of the project’s failed', {
            where: 'hook',
            hook: hook.name,
            event: event.name,
            taskId: task.id,
            error,
          });
        }
    }
  }
}
