import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { startWorker } from '../worker/worker.ts';

let began = false;

const part = defineTask({ name: 'part', params: z.object({}), run: () => undefined });
const deaf = defineTask({
  name: 'deaf',
  params: z.object({ how: z.enum(['sleep', 'all']) }),
  run: async ({ how }, task) => {
    // Suspended by a call that somebody catches late: cancelled between the call and its end.
    const call =
      how === 'sleep'
        ? task.sleep('long', 3_000)
        : task.launch('p', part, {}).then((p) => task.all([p]));
    await call.catch(async (error) => {
      began = true;
      await wait(1_200);
      throw error;
    });
  },
});

for (const how of ['sleep', 'all'] as const)
  test(`a task that is cancelled while its run is being suspended is cancelled: ${how}`, async (t) => {
    began = false;
    const app = await testApp(t, {
      admin: { ...sample, schedules: [], taskHooks: [], tasks: [deaf, part] },
    });
    const worker = await startWorker(app.context, {
      connectionString: app.connectionString,
      concurrency: 1,
      places: how === 'all' ? 1 : 2,
    });
    try {
      const { id } = await app.app.bulkhead.tasks.launch(deaf, { how });
      for (const end = Date.now() + 20_000; !began; await wait(20)) assert.ok(Date.now() < end);
      await app.app.bulkhead.tasks.cancel(id);
      const task = await finished(app.db, id, 8_000);
      assert.deepEqual([task.state], ['cancelled']);
    } finally {
      await worker.stop();
    }
  });
