import type { PoolClient } from 'pg';
import {
  type Backend,
  type BackendCall,
  type BackendStart,
  inProcessName,
  type StartedBackend,
} from './backend.ts';
import { channelOf } from './places.ts';

/** Ids in one notification, which holds less than 8,000 bytes. */
const idsAtOnce = 500;
/** Longest that a timer waits; called sooner, a task is looked at once more. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * The backend for one process that serves pages and runs tasks, and needs nothing beside. A call is
 * a notification; one that nobody hears is made again when the process starts.
 */
export function inProcessBackend(queueSchema: string): Backend {
  const channel = channelOf('in-process ', queueSchema);
  return {
    name: inProcessName,
    can: { later: true, cancel: true, processes: false, restart: true },
    async call(client, { taskIds, kind, delayMs }) {
      for (let from = 0; from < taskIds.length; from += idsAtOnce) {
        const ids = taskIds.slice(from, from + idsAtOnce);
        const call: BackendCall = { taskIds: ids, kind, delayMs };
        await client.query('select pg_notify($1, $2)::text', [channel, JSON.stringify(call)]);
      }
    },
    async start(options) {
      const client = await options.pool.connect();
      try {
        await client.query(`listen "${channel}"`);
      } catch (error) {
        client.release(true);
        throw error;
      }
      return listenOn(client, options);
    },
  };
}

function listenOn(client: PoolClient, { concurrency, run, log }: BackendStart): StartedBackend {
  const stopping = new AbortController();
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  const later = new Set<NodeJS.Timeout>();
  const ended = Promise.withResolvers<void>();
  client.on('notification', ({ payload = '' }) => hear(JSON.parse(payload) as BackendCall));
  client.on('error', () => ended.resolve());
  client.on('end', () => ended.resolve());
  return {
    ended: ended.promise,
    async stop() {
      stopping.abort();
      for (const timer of later) clearTimeout(timer);
      await Promise.all(running);
      client.release(true);
      ended.resolve();
    },
  };

  function hear({ taskIds, delayMs }: BackendCall): void {
    if (stopping.signal.aborted) return;
    if (delayMs <= 0) {
      take(taskIds);
      return;
    }
    const timer = setTimeout(
      () => {
        later.delete(timer);
        take(taskIds);
      },
      Math.min(delayMs, maxTimerMs),
    );
    later.add(timer);
  }

  function take(taskIds: readonly number[]): void {
    waiting.push(...taskIds);
    next();
  }

  function next(): void {
    while (waiting.length > 0 && running.size < concurrency && !stopping.signal.aborted) {
      const taskId = waiting.shift() as number;
      const one = run(taskId, stopping.signal)
        .catch((error) => log('warning', 'a call is answered later', { taskId, error }))
        .finally(() => {
          running.delete(one);
          next();
        });
      running.add(one);
    }
  }
}
