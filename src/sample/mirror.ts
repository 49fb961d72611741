import type { TaskHook, TaskManager } from '../index.ts';
import { clientOf } from './client.ts';

const tasksAtOnce = 1_000;

/** Keeps what becomes of tasks in a table of the project's own. */
export const mirror: TaskHook = {
  name: 'mirror',
  on: [
    'task:created',
    'task:started',
    'task:paused',
    'task:resumed',
    'task:succeeded',
    'task:partial',
    'task:failed',
    'task:cancelled',
    'task:cleaned',
  ],
  async run({ name, task: { id, title, state, principal } }, { client }) {
    const { taskMirror } = clientOf(client);
    if (name === 'task:cleaned') {
      await taskMirror.deleteMany({ where: { id } });
      return;
    }
    const kept = { title, state, launchedBy: principal.name };
    await taskMirror.upsert({ where: { id }, create: { id, ...kept }, update: kept });
  },
};

/**
 * Mirrors tasks that were there before the hook was. Those that are mirrored stay as they are, so
 * that it may run at any time. Gives how many there were.
 */
export async function mirrorEarlier(tasks: TaskManager, client: object): Promise<number> {
  let count = 0;
  let before: number | undefined;
  for (;;) {
    const page = await tasks.list({ limit: tasksAtOnce, ...(before !== undefined && { before }) });
    const data = page.map(({ id, title, state, principal }) => ({
      id,
      title,
      state,
      launchedBy: principal.name,
    }));
    count += (await clientOf(client).taskMirror.createMany({ data, skipDuplicates: true })).count;
    before = page.at(-1)?.id;
    if (page.length < tasksAtOnce) return count;
  }
}
