import {
  deleting,
  rawDelete,
  rawTwoColumns,
  runTask,
  twoColumns,
  undoTask,
} from './bulk-update.ts';
import { addTag, tagAll, tagBody } from './m2m.ts';
import { type Bench, onServer, seconds, withRunners } from './server.ts';
import type { Measured, PartOptions } from './table.ts';

/** What a statement of a task is for, by what it begins with. */
const kinds: readonly (readonly [name: string, begins: RegExp])[] = [
  ['freezing which records', /^with numbered as/],
  ['claiming a chunk', /^with next as/],
  ['keys as ids', /^bulkhead_ids :=/],
  ['writing, with images', /^with (written|deleted|change|image|locked) as/],
  ['ending a chunk', /^with marked as/],
];

interface Work {
  name: string;
  operation: 'update' | 'delete';
  body: Record<string, unknown>;
  raw: string;
}

const works: readonly Work[] = [
  { name: 'update', operation: 'update', body: twoColumns, raw: rawTwoColumns },
  { name: 'delete', operation: 'delete', body: deleting, raw: rawDelete },
  { name: 'adding a tag', operation: 'update', body: tagBody('add'), raw: tagAll },
];

/**
 * Where the time of a task goes, by one runner: milliseconds of all statements of a kind, each a
 * chunk and a thousand records, as pg_stat_statements sums them up; beside one raw statement.
 */
export function costs({ rows, part }: PartOptions): Promise<Measured[]> {
  return onServer(
    rows,
    async (bench) => {
      const { pages } = bench.db;
      await pages.query('create extension if not exists pg_stat_statements');
      await pages.query(`alter system set pg_stat_statements.track = 'all'`);
      await pages.query('select pg_reload_conf()');
      const measured: Measured[] = [];
      await addTag(bench);
      for (const work of works.filter(({ name }) => name.includes(part)))
        measured.push(...(await measure(bench, rows, work)));
      return measured;
    },
    { preload: ['pg_stat_statements'] },
  );
}

async function measure(
  bench: Bench,
  rows: number,
  { name, operation, body, raw }: Work,
): Promise<Measured[]> {
  const { pages } = bench.db;
  await bench.freshCopy();
  const rawSeconds = await seconds(() => pages.query(raw));
  return withRunners(bench, 1, async (context) => {
    await bench.freshCopy();
    const found: Measured[] = [];
    let id = 0;
    const times = async (name: string, run: () => Promise<number>) => {
      await pages.query('select pg_stat_statements_reset()');
      let taskId = 0;
      const took = await seconds(async () => {
        taskId = await run();
      });
      found.push(...(await read(bench, taskId, rows, name)), {
        case: `${name}: all`,
        ...figures(took * 1_000, rows),
        rawSeconds,
      });
    };
    await times(name, async () => {
      id = (await runTask(context, rows, operation, body)).id;
      return id;
    });
    await bench.settle();
    await times(`undo of ${name}`, async () => (await undoTask(context, rows, id)).id);
    return found;
  });
}

async function read(
  { db }: Bench,
  taskId: number,
  rows: number,
  name: string,
): Promise<Measured[]> {
  const { rows: statements } = await db.pages.query<{ text: string; ms: number }>(
    `select ltrim(query, E' \\n') as text, total_exec_time as ms from pg_stat_statements where query not ilike 'do %'`,
  );
  const { rows: chunks } = await db.pages.query<{ count: number }>(
    `select count(*)::int as count from ${db.t.chunk} where task_id = $1`,
    [taskId],
  );
  return kinds.map(([kind, begins]) => {
    const ms = statements
      .filter(({ text }) => begins.test(text))
      .reduce((all, one) => all + one.ms, 0);
    return {
      case: `${name}: ${kind}`,
      ...figures(ms, rows),
      msPerChunk: ms / (chunks[0]?.count ?? 1),
    };
  });
}

function figures(ms: number, rows: number) {
  return { rows, ms: Math.round(ms), usPerRecord: (ms * 1_000) / rows };
}
