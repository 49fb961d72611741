import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import type { TaskRun } from '../task-definitions/task-run.ts';

const records = z.object({ resource: z.string(), keys: z.array(z.string()) });
type Records = z.infer<typeof records>;

/** Who holds records of which resource, as they say themselves; what should not be is noted. */
export const racingSql = `
  create table public.holder (resource text, key text, task int, root int);
  create table public.violation (text text);
  create table public.held (task int);
  create function public.note_second() returns trigger language plpgsql as $$ begin
    insert into public.violation select format('%s %s was written while task %s holds it', tg_argv[0], key, task)
      from public.holder where resource = tg_argv[0] and key = to_jsonb(new) ->> tg_argv[1];
    return null;
  end $$;
  create constraint trigger second after update on gazetteer.city deferrable initially deferred for each row execute function public.note_second('cities', 'id');
  create constraint trigger second after update on gazetteer.country deferrable initially deferred for each row execute function public.note_second('countries', 'code');
  create constraint trigger second after update on gazetteer.language deferrable initially deferred for each row execute function public.note_second('languages', 'code')`;

/**
 * Says that it holds records, looks whether another family says so of one of them, and after a while
 * says no more. Whoever writes one of them meanwhile is noted by the tables themselves.
 */
async function hold(task: TaskRun, root: number, { resource, keys }: Records): Promise<void> {
  await task.tx((tx) =>
    tx.$executeRawUnsafe(
      'insert into public.holder select $1, key, $2::int, $3::int from unnest($4::text[]) key',
      resource,
      task.id,
      root,
      keys,
    ),
  );
  await task.tx(async (tx) => {
    await tx.$executeRawUnsafe(
      `insert into public.violation select format('%s %s is held by tasks %s and %s', resource, key, task, $2::int) from public.holder
       where resource = $1 and key = any($4::text[]) and root <> $3`,
      resource,
      task.id,
      root,
      keys,
    );
    await tx.$executeRawUnsafe('insert into public.held values ($1)', task.id);
  });
  await wait(Math.random() * 40);
}

async function letGo(task: TaskRun): Promise<void> {
  await task.tx((tx) =>
    tx.$executeRawUnsafe('delete from public.holder where task = $1::int', task.id),
  );
}

const base = { attempts: 1, hardLimitMs: 120_000 };
const many = z.object({ records: z.array(records) });

/** Holds what it affects, and waits for whoever is in the way. */
export const waiting = defineTask({
  ...base,
  name: 'racing.waiting',
  params: many,
  affects: ({ records }) => records,
  async run({ records }, task) {
    for (const one of records) await hold(task, task.id, one);
    await letGo(task);
  },
});

/** The same, and gives way to whoever is in the way. */
export const yielding = defineTask({
  ...waiting.options,
  name: 'racing.yielding',
  overlap: 'refuse',
});

/** Locks one after the other. */
export const locking = defineTask({
  ...base,
  name: 'racing.locking',
  params: many,
  async run({ records }, task) {
    try {
      for (const one of records) {
        await task.lock(one.resource, one.keys);
        await hold(task, task.id, one);
      }
    } finally {
      await letGo(task);
    }
  },
});

/** A part, which locks what the whole holds, and something beside. */
export const part = defineTask({
  ...base,
  name: 'racing.part',
  params: many.extend({ root: z.number() }),
  async run({ records, root }, task) {
    try {
      for (const one of records) {
        await task.lock(one.resource, one.keys);
        await hold(task, root, one);
      }
    } finally {
      await letGo(task);
    }
  },
});

/** Locks records, and has a part that locks them too; stops holding when that has ended. */
export const whole = defineTask({
  ...base,
  name: 'racing.whole',
  params: many,
  async run({ records }, task) {
    const [first] = records as [Records];
    await task.lock(first.resource, first.keys);
    const child = await task.launch('part', part, { records, root: task.id });
    await task.all([child], { onFailure: 'collect' });
  },
});

export const racingAdmin = defineAdmin({
  ...sample,
  schedules: [],
  definition: import.meta.url,
  tasks: [waiting, yielding, locking, part, whole],
});
