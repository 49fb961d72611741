import { delegateOf } from '../src/resources/delegate.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { finished, launchOn, testContext } from '../src/testing/context.ts';
import { type Bench, onServer, seconds, withRunners } from './server.ts';
import { type Measured, ratioRow } from './table.ts';

const twoColumns = {
  field: ['status', 'featured'],
  'value.status': 'published',
  'value.featured': 'true',
};
const rawTwoColumns = `update gazetteer.city set status = 'published', featured = true, updated_at = now()`;
// A change whose result differs from row to row.
const replacing = {
  field: 'adminCode',
  'change.adminCode': 'find-replace',
  'find.adminCode': '0',
  'with.adminCode': '9',
};
const rawReplacing = `update gazetteer.city set admin_code = replace(admin_code, '0', '9'), updated_at = now() where admin_code like '%0%'`;

/**
 * Seconds for a whole task, from confirm to finished (freeze, locks, images, history and progress
 * included), and for one raw UPDATE of the same rows and columns. Each run has a fresh copy of the
 * table; the order alternates. A server of its own with durable commits; the table has its primary
 * key and three more indexes. Beside them what a script would do.
 */
export function bulkUpdate({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(rows, async (bench) => [
    await measure(bench, rows, pairs, 1, 'two columns, one drain', twoColumns, rawTwoColumns),
    await measure(bench, rows, pairs, 2, 'two columns, two drains', twoColumns, rawTwoColumns),
    await measure(bench, rows, pairs, 1, 'find and replace, one drain', replacing, rawReplacing),
    await scripted(bench, rows, 'chunked prisma.updateMany', rows, updateMany),
    await scripted(
      bench,
      rows,
      'prisma.update one by one (sample, scaled)',
      Math.min(rows, 2_000),
      updateEach,
    ),
  ]);
}

async function measure(
  bench: Bench,
  rows: number,
  pairs: number,
  runners: number,
  name: string,
  body: Record<string, unknown>,
  raw: string,
  operation: 'update' | 'delete' = 'update',
): Promise<Measured> {
  const took = { raw: [] as number[], task: [] as number[] };
  await withRunners(bench, runners, async (context) => {
    for (let pair = 0; pair < pairs; pair++) {
      const sides = [
        async () => took.raw.push(await seconds(() => bench.db.pages.query(raw))),
        async () => took.task.push(await seconds(() => runTask(context, rows, operation, body))),
      ];
      for (const side of pair % 2 === 0 ? sides : sides.reverse()) {
        await bench.freshCopy();
        await side();
      }
    }
  });
  return ratioRow({ case: `bulk-${operation}, ${name}`, rows, pairs }, took);
}

export async function runTask(
  context: TaskContext,
  rows: number,
  operation: 'update' | 'delete',
  body: Record<string, unknown>,
): Promise<void> {
  const { task: launched } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    operation,
    body,
  );
  const task = await finished(context.db, launched.id, 600_000);
  if (task.state !== 'succeeded' || task.done !== rows)
    throw new Error(`the task ended ${task.state} with ${task.done} of ${rows}`);
}

async function scripted(
  bench: Bench,
  rows: number,
  name: string,
  sample: number,
  script: (context: TaskContext, sample: number) => Promise<void>,
): Promise<Measured> {
  const context = testContext(bench.db);
  await bench.freshCopy();
  const took = await seconds(() => script(context, sample));
  await bench.freshCopy();
  const raw = await seconds(() => bench.db.pages.query(rawTwoColumns));
  const scaled = (took * rows) / sample;
  return {
    case: `bulk-update, ${name}`,
    rows,
    pairs: 1,
    taskSeconds: scaled,
    rawSeconds: raw,
    ratio: scaled / raw,
  };
}

const data = { status: 'published', featured: true };

async function updateMany({ registry }: TaskContext, sample: number): Promise<void> {
  const cities = registry.client as unknown as {
    city: { updateMany(args: object): Promise<unknown> };
  };
  for (let id = 0; id < sample; id += 1_000)
    await cities.city.updateMany({ where: { id: { gt: id, lte: id + 1_000 } }, data });
}

async function updateEach({ registry }: TaskContext, sample: number): Promise<void> {
  const cities = delegateOf(registry.client, registry.get('cities').model);
  for (let id = 1; id <= sample; id++) await cities.update({ where: { id }, data });
}

/** The same for deleting, beside one raw DELETE. */
export function bulkDelete({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  const raw = 'delete from gazetteer.city';
  return onServer(rows, async (bench) => [
    await measure(bench, rows, pairs, 1, 'one drain', { acknowledge: 'yes' }, raw, 'delete'),
    await measure(bench, rows, pairs, 2, 'two drains', { acknowledge: 'yes' }, raw, 'delete'),
  ]);
}
