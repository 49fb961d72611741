import { runTask } from './bulk-update.ts';
import { type Bench, onServer, seconds, withRunners } from './server.ts';
import { type Measured, median, type PartOptions, ratioRow } from './table.ts';

const links = 'gazetteer."_CityToTag"';
export const tagAll = `insert into ${links} ("A", "B") select id, 1 from gazetteer.city`;

export function tagBody(change: 'add' | 'remove') {
  return { field: 'tags', 'change.tags': change, 'value.tags': ['1'] };
}

/** The tag that is added and removed. */
export async function addTag({ db }: Bench): Promise<void> {
  await db.pages.query(
    `insert into gazetteer.tag (id, name) values (1, 'bench') on conflict (id) do nothing`,
  );
}

/** A task stamps each record that it changes; so does whoever writes the same by hand. */
const stamp = 'update gazetteer.city set updated_at = now()';

/**
 * Seconds for a whole task that adds one tag to every record, or removes it, and for two raw
 * statements that write the same: an INSERT or DELETE of the rows of the join table, whose own seconds
 * stand beside, and an UPDATE of the stamps. Each run has a fresh copy; the order alternates.
 */
export function m2m({ rows, pairs, part }: PartOptions): Promise<Measured[]> {
  return onServer(rows, async (bench) => {
    await addTag(bench);
    const measured: Measured[] = [];
    const cases = {
      'one tag added': { change: 'add', raw: tagAll },
      'one tag removed': { change: 'remove', raw: `delete from ${links} where "B" = 1` },
    } as const;
    for (const [name, one] of Object.entries(cases))
      if (name.includes(part)) measured.push(await measure(bench, rows, pairs, name, one));
    return measured;
  });
}

async function measure(
  bench: Bench,
  rows: number,
  pairs: number,
  name: string,
  { change, raw }: { change: 'add' | 'remove'; raw: string },
): Promise<Measured> {
  const took = { raw: [] as number[], task: [] as number[] };
  const linksAlone: number[] = [];
  await withRunners(bench, 1, async (context) => {
    for (let pair = 0; pair < pairs; pair++) {
      const sides = [
        async () => {
          const ofLinks = await seconds(() => bench.db.pages.query(raw));
          linksAlone.push(ofLinks);
          took.raw.push(ofLinks + (await seconds(() => bench.db.pages.query(stamp))));
        },
        async () =>
          took.task.push(await seconds(() => runTask(context, rows, 'update', tagBody(change)))),
      ];
      for (const side of pair % 2 === 0 ? sides : sides.reverse()) {
        await bench.freshCopy();
        if (change === 'remove') await bench.db.pages.query(tagAll);
        await bench.db.pages.query(`vacuum (analyze) ${links}`);
        await bench.db.pages.query('checkpoint');
        await side();
      }
    }
  });
  return {
    ...ratioRow({ case: `m2m, ${name}`, rows, pairs }, took),
    linksAloneSeconds: median(linksAlone),
  };
}
