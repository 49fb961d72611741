import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { TableNames } from '../db/names.ts';
import { inlined } from '../db/sql.ts';
import { entriesOf } from '../operations/journal/kept-images.ts';
import type { Client } from '../resources/client.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import { plainModel, plainTable } from './acknowledged.ts';

/** What tasks of its own have dealt with. */
export const dealtSql = `create table gazetteer.dealt (run text, item int)`;

const base = { attempts: 1_000, backoff: { firstMs: 10, maxMs: 50 } } as const;

/** Deals with so many items, each once, while it holds some places, and lets time pass between. */
export const dealing = defineTask({
  ...base,
  name: 'chaos.dealing',
  params: z.object({ run: z.string(), items: z.number(), places: z.array(z.string()) }),
  async run({ run, items, places }, task) {
    if (places.length > 0) await task.lock('cities', places);
    await task.step('begun', () => run);
    const source = async (after: unknown, limit: number) => {
      const first = after === null ? 0 : Number(after) + 1;
      const count = Math.max(0, Math.min(limit, items - first));
      return Array.from({ length: count }, (_, at) => ({ item: first + at, position: first + at }));
    };
    const deal = async (some: readonly number[], tx: Client) => {
      await tx.$executeRawUnsafe(
        'insert into gazetteer.dealt select $1, unnest($2::int[])',
        run,
        some,
      );
      await wait(20);
    };
    await task.each('items', source, deal, { size: 5 });
    await task.sleep('a while', 1_200);
    return task.step('ended', () => items);
  },
});

/** Three of these, as parts of it. */
export const dealingAll = defineTask({
  ...base,
  name: 'chaos.dealing-all',
  params: z.object({ run: z.string(), items: z.number() }),
  async run({ run, items }, task) {
    const parts = [];
    for (let part = 0; part < 3; part++)
      parts.push(
        await task.launch(`part ${part}`, dealing, { run: `${run} ${part}`, items, places: [] }),
      );
    return (await task.all(parts)).length;
  },
});

const ticking = defineTask({
  ...base,
  name: 'chaos.ticking',
  params: z.object({}),
  run: () => undefined,
});

export const tickSeconds = 3;
const often = { cron: `*/${tickSeconds} * * * * *`, catchUp: 'each' } as const;

/** Each of the times is launched, once, also those that were missed. */
export const schedules = [
  defineSchedule({ ...often, name: 'ticking', overlap: 'allow', task: ticking, params: {} }),
  defineSchedule({
    ...often,
    name: 'appending',
    overlap: 'after',
    bulk: {
      resource: 'cities',
      operation: 'update',
      where: { id: { in: [1, 2, 3] } },
      parameters: { notes: { append: '.' } },
    },
  }),
];

export const chaosTasks = [dealing, dealingAll, ticking];

export function newRun(): string {
  return randomUUID();
}

/** What must hold of them once everything has come to rest. */
export function ownInvariants({ t }: { t: Pick<TableNames, 'task' | 'schedule_run' | 'change'> }) {
  const images = inlined(entriesOf('change', ['name']));
  return {
    'what is kept last of a record is what is there': `
      with entries as (
        select change.id, entry.key, entry.before ->> 'name' as was, entry.after ->> 'name' as is_now from ${t.change} change ${images} where change.model = '${plainModel}'
      ), chained as (
        select *, lag(is_now) over (partition by key order by id) as before_it, row_number() over (partition by key order by id desc) as place from entries
      )
      select format('%s: “%s” is kept, “%s” is there', key, is_now, name) as text from chained join ${plainTable} there on there.id = key::uuid where place = 1 and is_now <> name
      union all select format('%s: “%s” became “%s”', key, before_it, was) from chained where before_it <> was limit 10`,
    'no item is dealt with twice': `
      select format('item %s of run %s: %s times', item, run, count(*)) as text from gazetteer.dealt group by run, item having count(*) > 1`,
    'a task of its own that succeeded has dealt with every item': `
      select format('task %s: %s of %s', id, count(dealt.item), parameters ->> 'items') as text from ${t.task} task
      left join gazetteer.dealt dealt on dealt.run = parameters ->> 'run'
      where operation = 'chaos.dealing' and state = 'succeeded' group by id having count(dealt.item) <> (parameters ->> 'items')::int`,
    'every time of a schedule has its run': `
      select format('%s: %s runs, but %s times', schedule, count(*), extract(epoch from max(due_at) - min(due_at)) / ${tickSeconds} + 1) as text
      from ${t.schedule_run} where by is null group by schedule
      having count(*) + coalesce(sum(count) filter (where state = 'missed') - count(*) filter (where state = 'missed'), 0) <> extract(epoch from max(due_at) - min(due_at)) / ${tickSeconds} + 1`,
    'a time of a schedule that was launched has a task': `
      select format('%s at %s', schedule, due_at) as text from ${t.schedule_run} run
      where state = 'launched' and not exists (select from ${t.task} task where task.id = run.task_id)`,
  };
}
