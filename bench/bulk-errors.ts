import { finished, launchOn } from '../src/testing/context.ts';
import { onServer, seconds, withRunners } from './server.ts';
import { type Measured, median } from './table.ts';

const shares = [0, 0.0001, 0.001, 0.01, 0.1];

/**
 * Records a second where a CHECK constraint refuses a share of them: every refused one named, every
 * other changed. One runner.
 */
export function bulkErrors({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(rows, (bench) =>
    withRunners(bench, 1, async (context) => {
      const rates = new Map<number, number[]>(shares.map((share) => [share, []]));
      // The first round warms up.
      for (let round = -1; round < pairs; round++) {
        for (const share of round < 0 ? [0.01] : round % 2 === 0 ? shares : [...shares].reverse()) {
          await bench.freshCopy();
          const refused = share === 0 ? 0 : Math.floor(rows * share);
          const every = refused === 0 ? rows + 1 : Math.floor(rows / refused);
          await bench.db.pages.query(
            'alter table gazetteer.city drop constraint if exists some_refused',
          );
          await bench.db.pages.query(
            `alter table gazetteer.city add constraint some_refused check (id % ${every} <> 0 or id > ${refused * every} or status = 'draft')`,
          );
          const body = {
            field: ['status', 'featured'],
            'value.status': 'published',
            'value.featured': 'true',
          };
          const took = await seconds(async () => {
            const { task } = await launchOn(
              context,
              context.registry.get('cities'),
              { kind: 'matching', filter: '' },
              'update',
              body,
            );
            const end = await finished(context.db, task.id, 600_000);
            if (end.failed !== refused || end.changed !== rows - refused) {
              throw new Error(
                `${end.failed} refused and ${end.changed} changed, not ${refused} and ${rows - refused}`,
              );
            }
          });
          if (round >= 0) rates.get(share)?.push(rows / took);
        }
      }
      const clean = rates.get(0) ?? [];
      return shares.map((share) => {
        const own = rates.get(share) ?? [];
        return {
          case: `bulk-errors, ${share * 100} % refused`,
          rows,
          rounds: pairs,
          recordsPerSecond: Math.round(median(own)),
          ofCleanRate: median(own.map((rate, round) => rate / (clean[round] as number))),
        };
      });
    }),
  );
}
