import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import type { Client } from '../resources/client.ts';
import { defineTask } from '../task-definitions/define-task.ts';

const params = z.object({ country: z.string(), ms: z.number() });

/** Holds a country for a while. */
export const holding = defineTask({
  name: 'holding',
  params,
  title: ({ country }) => `Hold ${country}`,
  async run({ country, ms }, task) {
    await task.lock('countries', [country]);
    task.progress(1, 2, `Holding ${country}`);
    await wait(ms, null, { signal: task.signal });
    return task.attempt;
  },
});

/** The same, and it affects the country. */
export const affecting = defineTask({
  ...holding.options,
  name: 'affecting',
  affects: ({ country }) => ({ resource: 'countries', keys: [country] }),
});

/** Notes something at a country and at a city. */
export const noting = defineTask({
  name: 'noting',
  params: z.object({ country: z.string(), city: z.number(), note: z.string() }),
  title: ({ country }) => `Note at ${country}`,
  async run({ country, city, note }, task) {
    await task.change('cities', [city], { notes: note });
    await task.change('countries', [country], { name: note });
  },
});

/** The same, with code of its own that takes it back. */
export const notingWithUndo = defineTask({
  ...noting.options,
  name: 'noting-with-undo',
  undo: async ({ city }, _, task) => void (await task.change('cities', [city], { notes: 'back' })),
});

/** Holds a country for a while, and is not under way twice. */
export const single = defineTask({ ...holding.options, name: 'single', unique: {} });

/** The same, and never twice. */
export const once = defineTask({ ...holding.options, name: 'once', attempts: 1 });

/** Deals with ten items, a few at a time and each once: kept in `public.dealt`. */
export const piece = defineTask({
  name: 'piece',
  params: z.object({ n: z.number() }),
  title: ({ n }) => `Piece ${n}`,
  attempts: 100,
  backoff: { firstMs: 10, maxMs: 50 },
  async run({ n }, task) {
    const items = async (after: unknown, limit: number) =>
      Array.from({ length: 10 }, (_, index) => ({ item: n * 10 + index, position: index }))
        .slice(after === null ? 0 : Number(after) + 1)
        .slice(0, limit);
    await task.each(
      'items',
      items,
      async (some, tx) => {
        await tx.$executeRawUnsafe('insert into public.dealt select unnest($1::int[])', some);
        await wait(15);
      },
      { size: 2 },
    );
    return n;
  },
});

/** Twenty pieces, which are parts of it. */
export const whole = defineTask({
  name: 'whole',
  params: z.object({ pieces: z.number() }),
  attempts: 100,
  backoff: { firstMs: 10, maxMs: 50 },
  async run({ pieces }, task) {
    const children = [];
    for (let n = 0; n < pieces; n++) children.push(await task.launch(`piece ${n}`, piece, { n }));
    return (await task.all(children)).length;
  },
});

/** Deals with so many items, a hundred at a time and each once, holding a country. */
export const manyItems = defineTask({
  name: 'many-items',
  params: z.object({ items: z.number() }),
  attempts: 100,
  backoff: { firstMs: 10, maxMs: 50 },
  async run({ items }, task) {
    await task.lock('countries', ['ESP']);
    const source = async (after: unknown, limit: number) => {
      const first = after === null ? 0 : Number(after) + 1;
      const count = Math.max(0, Math.min(limit, items - first));
      return Array.from({ length: count }, (_, at) => ({ item: first + at, position: first + at }));
    };
    const deal = async (some: readonly number[], tx: Client) => {
      await tx.$executeRawUnsafe('insert into public.dealt select unnest($1::int[])', some);
      await wait(5);
    };
    return task.each('items', source, deal, { size: 100 });
  },
});

/** Steps one after the other, holding a country; each notes whether it was done already. */
export const manySteps = defineTask({
  name: 'many-steps',
  params: z.object({ steps: z.number() }),
  attempts: 100,
  backoff: { firstMs: 10, maxMs: 50 },
  async run({ steps }, task) {
    await task.lock('countries', ['FRA']);
    const given: number[] = [];
    for (let n = 0; n < steps; n++)
      given.push(
        await task.step(`step ${n}`, async () => {
          await task.tx((tx) =>
            tx.$executeRawUnsafe(
              'insert into public.stepped select $1::int, exists (select from bulkhead.task_step where name = $2 and is_done)',
              n,
              `step ${n}`,
            ),
          );
          await wait(25);
          return n;
        }),
      );
    return given.reduce((sum, n) => sum + n, 0);
  },
});

/** Gives way to nobody, ever. */
export const spinning = defineTask({
  name: 'spinning',
  params: z.object({}),
  attempts: 1,
  hardLimitMs: 500,
  async run(_, task) {
    await task.lock('countries', ['ESP']);
    while (true) {}
  },
});

/** Computes until a file is there, and gives way to nothing else of its process. */
export const computing = defineTask({
  name: 'computing',
  params: z.object({ country: z.string(), file: z.string() }),
  async run({ country, file }, task) {
    await task.lock('countries', [country]);
    const never = new Int32Array(new SharedArrayBuffer(4));
    let sum = 0;
    for (let n = 1; !existsSync(file); n++) {
      for (let m = 0; m < 100_000; m++) sum += Math.sqrt(n * m);
      Atomics.wait(never, 0, 0, 10);
    }
    return sum > 0;
  },
});

/** The same in a process of its own. */
export const computingAlone = defineTask({
  ...computing.options,
  name: 'computing-alone',
  isolate: true,
});

/** In a process of its own: ends as it is told to. */
export const alone = defineTask({
  name: 'alone',
  params: z.object({
    way: z.enum(['return', 'heed', 'exit', 'spin', 'throw']),
  }),
  attempts: 1,
  isolate: true,
  graceMs: 300,
  async run({ way }, task) {
    await task.lock('countries', ['ESP']);
    const pid = await task.step('pid', () => process.pid);
    task.progress(1, 2, way);
    if (way === 'heed') await wait(60_000, null, { signal: task.signal });
    if (way === 'exit') process.exit(3);
    if (way === 'throw') throw new Error('thrown alone');
    while (way === 'spin') {}
    return pid;
  },
});

/** The same, and not for long. */
export const aloneForAWhile = defineTask({
  ...alone.options,
  name: 'alone-for-a-while',
  hardLimitMs: 4_000,
});

/** Takes memory for as long as it is let. */
export const growing = defineTask({
  name: 'growing',
  params: z.object({}),
  attempts: 1,
  isolate: true,
  maxMemoryMb: 400,
  run() {
    for (const taken: Buffer[] = []; ; ) taken.push(Buffer.alloc(1024 ** 2, 1));
  },
});

/** Says what it is about, and more. */
export const talking = defineTask({
  name: 'talking',
  params: z.object({ country: z.string(), lines: z.number() }),
  title: ({ country }) => `Talk about ${country}`,
  async run({ country, lines }, task) {
    await task.about('countries', country);
    await task.about('countries', country);
    for (let line = 1; line <= lines; line++) task.log(`line ${line} <b>`);
    await wait(1_000, null, { signal: task.signal });
    task.log('x'.repeat(3_000));
  },
});

/** The sample, with tasks of its own. */
export const ownTasksAdmin = defineAdmin({
  ...sample,
  schedules: [],
  definition: import.meta.url,
  tasks: [
    noting,
    notingWithUndo,
    holding,
    affecting,
    single,
    once,
    piece,
    whole,
    manyItems,
    manySteps,
    spinning,
    computing,
    computingAlone,
    alone,
    aloneForAWhile,
    growing,
    talking,
  ],
});
export default ownTasksAdmin;
