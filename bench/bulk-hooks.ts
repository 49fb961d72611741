import { metadata } from '../generated/sample-metadata/metadata.ts';
import admin from '../src/admin.ts';
import { defineResource } from '../src/resources/define-resource.ts';
import { delegateOf } from '../src/resources/delegate.ts';
import { startWorker } from '../src/tasks/worker/worker.ts';
import { finished, launchOn, testContext } from '../src/testing/context.ts';
import { onServer, seconds } from './server.ts';
import { type Measured, median } from './table.ts';

/**
 * Records a second with a `validate` hook that looks at every record, beside `prisma.update` one by
 * one with the same check.
 */
export function bulkHooks({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  const cities = defineResource(metadata, 'City', {
    validate: (record: { latitude?: unknown }) =>
      Number(record.latitude) > 91 ? { latitude: 'There is no such place.' } : {},
  } as never);
  const resources = [cities, ...admin.resources.filter(({ model }) => model !== 'City')];
  return onServer(rows, async (bench) => {
    const context = testContext(bench.db, {}, {}, { resources, createClient: admin.createClient });
    const worker = await startWorker(context, {
      connectionString: bench.connectionString,
      concurrency: 1,
    });
    const ours: number[] = [];
    const theirs: number[] = [];
    const sample = Math.min(rows, 2_000);
    for (let pair = 0; pair < pairs; pair++) {
      await bench.freshCopy();
      const took = await seconds(async () => {
        const body = {
          field: ['status', 'featured'],
          'value.status': 'published',
          'value.featured': 'true',
        };
        const { task } = await launchOn(
          context,
          context.registry.get('cities'),
          { kind: 'matching', filter: '' },
          'update',
          body,
        );
        const end = await finished(context.db, task.id, 900_000);
        if (end.changed !== rows)
          throw new Error(`it ended ${end.state} with ${end.changed} of ${rows}`);
      });
      ours.push(rows / took);
      await bench.freshCopy();
      const delegate = delegateOf(context.registry.client, context.registry.get('cities').model);
      const byOne = await seconds(async () => {
        for (let id = 1; id <= sample; id++) {
          const record = await delegate.findFirst({ where: { id } });
          if (Number(record?.latitude) <= 91)
            await delegate.update({ where: { id }, data: { status: 'published', featured: true } });
        }
      });
      theirs.push(sample / byOne);
    }
    await worker.stop();
    return [
      {
        case: 'bulk-hooks, validate',
        rows,
        pairs,
        recordsPerSecond: Math.round(median(ours)),
        onePerSecond: Math.round(median(theirs)),
        times: median(ours.map((rate, index) => rate / (theirs[index] as number))),
      },
    ];
  });
}
