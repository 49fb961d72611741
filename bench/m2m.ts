import { runTask } from './bulk-update.ts';
import { type Bench, onServer, seconds, withRunners } from './server.ts';
import { type Measured, ratioRow } from './table.ts';

const links = 'gazetteer."_CityToTag"';
const linkAll = `insert into ${links} ("A", "B") select id, 1 from gazetteer.city`;

/**
 * Seconds for a whole task that adds one tag to every record, or removes it, and for one raw INSERT
 * or DELETE of the same rows of the join table. Each run has a fresh copy; the order alternates.
 */
export function m2m({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(rows, async (bench) => {
    await bench.db.pages.query(
      `insert into gazetteer.tag (id, name) values (1, 'bench') on conflict (id) do nothing`,
    );
    return [
      await measure(bench, rows, pairs, 'one tag added', {
        change: 'add',
        raw: linkAll,
        isLinked: false,
      }),
      await measure(bench, rows, pairs, 'one tag removed', {
        change: 'remove',
        raw: `delete from ${links} where "B" = 1`,
        isLinked: true,
      }),
    ];
  });
}

async function measure(
  bench: Bench,
  rows: number,
  pairs: number,
  name: string,
  { change, raw, isLinked }: { change: 'add' | 'remove'; raw: string; isLinked: boolean },
): Promise<Measured> {
  const body = { field: 'tags', 'change.tags': change, 'value.tags': ['1'] };
  const took = { raw: [] as number[], task: [] as number[] };
  await withRunners(bench, 1, async (context) => {
    for (let pair = 0; pair < pairs; pair++) {
      const sides = [
        async () => took.raw.push(await seconds(() => bench.db.pages.query(raw))),
        async () => took.task.push(await seconds(() => runTask(context, rows, 'update', body))),
      ];
      for (const side of pair % 2 === 0 ? sides : sides.reverse()) {
        await bench.freshCopy();
        if (isLinked) await bench.db.pages.query(linkAll);
        await bench.db.pages.query(`vacuum (analyze) ${links}`);
        await bench.db.pages.query('checkpoint');
        await side();
      }
    }
  });
  return ratioRow({ case: `m2m, ${name}`, rows, pairs }, took);
}
