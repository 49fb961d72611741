import { EventEmitter } from 'node:events';
import type { Backend } from '../queue/backend.ts';

/**
 * A backend of a project's own, outside the database: calls go through this process alone, at once
 * and whether the transaction commits or not, and each is sent again a little later.
 */
export function faxMachine(): Backend {
  const line = new EventEmitter<{ call: [taskId: number] }>().setMaxListeners(0);
  return {
    name: 'fax-machine',
    can: { later: true, cancel: true, processes: true, restart: true },
    async call(_, { taskIds, delayMs }) {
      for (const afterMs of [0, 20, 200, 1_000])
        setTimeout(() => {
          for (const taskId of taskIds) line.emit('call', taskId);
        }, delayMs + afterMs).unref();
    },
    async start({ run }) {
      const stopping = new AbortController();
      const running = new Set<Promise<void>>();
      const ended = Promise.withResolvers<void>();
      const hear = (taskId: number) => {
        const one = run(taskId, stopping.signal)
          .catch(() => undefined)
          .finally(() => running.delete(one));
        running.add(one);
      };
      line.on('call', hear);
      return {
        ended: ended.promise,
        async stop() {
          line.off('call', hear);
          stopping.abort();
          await Promise.all(running);
          ended.resolve();
        },
      };
    },
  };
}
