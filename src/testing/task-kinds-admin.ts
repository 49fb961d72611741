import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import { AppError } from '../errors.ts';
import { defineResource } from '../index.ts';
import type { Client } from '../resources/client.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import { TaskGiveUp, type TaskRun } from '../task-definitions/task-run.ts';

const dayMs = 24 * 3_600_000;

/** What a run does when it has got so far as its kind gets. */
const way = z.enum(['return', 'heed', 'deaf', 'fail', 'again']);
export type Way = z.infer<typeof way>;

/** `record`: the city that it holds. */
const params = z.object({ record: z.number(), way });

/** Nothing but a time that comes, or a person, takes it further: no test waits that long. */
const patient = {
  params,
  backoff: { firstMs: dayMs, maxMs: dayMs },
  hardLimitMs: 20 * dayMs,
  graceMs: dayMs,
};

/** Records in `public.held_up` hold up whoever is about them. */
export const heldUpSql = 'create table public.held_up (record int primary key)';

async function isHeldUp(client: Pick<Client, '$queryRawUnsafe'>, records: readonly number[]) {
  const held = 'select record from public.held_up where record = any($1::int[])';
  return (await client.$queryRawUnsafe<unknown[]>(held, records)).length > 0;
}

/** Over a connection of its own: a run that is to stop is given none. */
async function untilFree(record: number): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  const $queryRawUnsafe = async <T>(text: string, ...values: unknown[]) =>
    (await client.query(text, values)).rows as T;
  try {
    while (await isHeldUp({ $queryRawUnsafe }, [record])) await wait(50);
  } finally {
    await client.end();
  }
}

/** Many lock records of one model at once: some are asked to come again. */
async function begin(task: TaskRun, record: number): Promise<void> {
  for (;;)
    try {
      await task.lock('cities', [record]);
      return;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'busy')) throw error;
    }
}

/** Says that it has got so far, and in which process, and goes its way. */
async function goOn(task: TaskRun, { record, way }: z.infer<typeof params>): Promise<void> {
  const say = (what: string) => task.progress(0, null, `${what}, ${process.pid}`);
  say('so far');
  task.signal.addEventListener('abort', () => say('heard'));
  if (way === 'fail') throw new TaskGiveUp('It is in vain.');
  if (way === 'again' && task.attempt === 1) throw new Error('Not this time.');
  if (way === 'deaf') await untilFree(record);
  if (way === 'heed' || way === 'again') await wait(dayMs, null, { signal: task.signal });
  if (task.signal.aborted) throw new Error('It has heard it now.');
}

/** Nothing of what it does is kept. */
const run = defineTask({
  ...patient,
  name: 'kind.run',
  async run(given, task) {
    await begin(task, given.record);
    await goOn(task, given);
  },
});

/** Half-way through its items. */
const each = defineTask({
  ...patient,
  name: 'kind.each',
  async run(given, task) {
    await begin(task, given.record);
    const source = async (after: unknown) => {
      if (after === null) return [{ item: 1, position: 1 }];
      if (after === 1) await goOn(task, given);
      return after === 1 ? [{ item: 2, position: 2 }] : [];
    };
    await task.each('items', source, async () => undefined, { size: 1 });
  },
});

/** Between two steps. */
const steps = defineTask({
  ...patient,
  name: 'kind.steps',
  async run(given, task) {
    await begin(task, given.record);
    await task.step('first', () => 1);
    await task.step('second', () => goOn(task, given));
  },
});

/** Between a sleep that is over and one that is long. */
const sleeping = defineTask({
  ...patient,
  name: 'kind.sleeping',
  async run(given, task) {
    await begin(task, given.record);
    await task.sleep('no time at all', 1);
    await goOn(task, given);
    await task.sleep('a day', dayMs);
  },
});

/** In a process of its own. */
const isolated = defineTask({ ...steps.options, name: 'kind.isolated', isolate: true });

/** With a part that has ended and one that goes its own way. */
const parent = defineTask({
  ...patient,
  name: 'kind.parent',
  params: params.extend({ partWay: way.default('return') }),
  async run(given, task) {
    const { record, partWay } = given;
    await begin(task, record);
    const first = await task.launch('first', run, { record: record + 1, way: 'return' });
    await task.all([first]);
    const second = await task.launch('second', run, { record: record + 2, way: partWay });
    await goOn(task, given);
    await task.all([first, second]);
  },
});

export const ownKinds = { run, each, steps, sleeping, isolated, parent };

/** Asked while bulk work prepares. */
const cities = defineResource(metadata, 'City', {
  async descendants(ids, tx) {
    while (await isHeldUp(tx, ids.map(Number))) await wait(50);
    return [];
  },
});

/** The sample, with a task of each kind. */
export const taskKindsAdmin = defineAdmin({
  ...sample,
  schedules: [],
  definition: import.meta.url,
  resources: [cities, ...sample.resources.filter(({ model }) => model !== 'City')],
  tasks: Object.values(ownKinds),
  taskHooks: [],
});
export default taskKindsAdmin;
