import { randomUUID } from 'node:crypto';
import { delegateOf } from '../src/resources/delegate.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { undo } from '../src/tasks/follow-ups/undo.ts';
import type { TaskRow } from '../src/tasks/task-row.ts';
import { ada, finished, launchOn, testContext } from '../src/testing/context.ts';
import { type Bench, onServer, seconds, withRunners } from './server.ts';
import { type Measured, type PartOptions, ratioRow } from './table.ts';

export const twoColumns = {
  field: ['status', 'featured'],
  'value.status': 'published',
  'value.featured': 'true',
};
export const rawTwoColumns = `update gazetteer.city set status = 'published', featured = true, updated_at = now()`;
export const deleting = { acknowledge: 'yes' };
export const rawDelete = 'delete from gazetteer.city';
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
export function bulkUpdate({ rows, pairs, part }: PartOptions): Promise<Measured[]> {
  const each = 'prisma.update one by one (sample, scaled)';
  const task =
    (runners: number, name: string, body: Record<string, unknown>, raw: string) => (bench: Bench) =>
      measure(bench, rows, pairs, runners, name, body, raw);
  return onServer(rows, (bench) =>
    inTurn(bench, part, {
      'two columns, one runner': (name) => task(1, name, twoColumns, rawTwoColumns),
      'two columns, two runners': (name) => task(2, name, twoColumns, rawTwoColumns),
      'find and replace, one runner': (name) => task(1, name, replacing, rawReplacing),
      'find and replace, two runners': (name) => task(2, name, replacing, rawReplacing),
      'chunked prisma.updateMany': (name) => (one) => scripted(one, rows, name, rows, updateMany),
      [each]: (name) => (one) => scripted(one, rows, name, Math.min(rows, 2_000), updateEach),
    }),
  );
}

type Part = (name: string) => (bench: Bench) => Promise<Measured>;

/** Those of the parts whose name has the text that was asked for, one after the other. */
async function inTurn(
  bench: Bench,
  asked: string,
  parts: Readonly<Record<string, Part>>,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const [name, part] of Object.entries(parts))
    if (name.includes(asked)) measured.push(await part(name)(bench));
  return measured;
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
): Promise<TaskRow> {
  const { task: launched } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    operation,
    body,
  );
  return ended(context, launched.id, rows);
}

/** Takes all of it back. */
export async function undoTask(context: TaskContext, rows: number, id: number): Promise<TaskRow> {
  const { task } = await undo(context, ada, id, { operationId: randomUUID(), chosen: null });
  return ended(context, task.id, rows);
}

async function ended(context: TaskContext, id: number, rows: number): Promise<TaskRow> {
  const task = await finished(context.db, id, 900_000);
  if (task.state !== 'succeeded' || task.done !== rows)
    throw new Error(`the task ended ${task.state} with ${task.done} of ${rows}`);
  return task;
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
export function bulkDelete({ rows, pairs, part }: PartOptions): Promise<Measured[]> {
  const task =
    (runners: number): Part =>
    (name) =>
    (bench) =>
      measure(bench, rows, pairs, runners, name, deleting, rawDelete, 'delete');
  return onServer(rows, (bench) =>
    inTurn(bench, part, { 'one runner': task(1), 'two runners': task(2) }),
  );
}

/** Seconds of an undo beside those of the task that it takes back, of updates and of deletes. */
export function undoBench({ rows, pairs, part }: PartOptions): Promise<Measured[]> {
  const both =
    (operation: 'update' | 'delete', body: Record<string, unknown>, runners: number): Part =>
    (name) =>
    (bench) =>
      measureUndo(bench, { rows, pairs, runners, name }, operation, body);
  return onServer(rows, (bench) =>
    inTurn(bench, part, {
      'of an update, one runner': both('update', twoColumns, 1),
      'of an update, two runners': both('update', twoColumns, 2),
      'of a delete, one runner': both('delete', deleting, 1),
      'of a delete, two runners': both('delete', deleting, 2),
    }),
  );
}

async function measureUndo(
  bench: Bench,
  { rows, pairs, runners, name }: { rows: number; pairs: number; runners: number; name: string },
  operation: 'update' | 'delete',
  body: Record<string, unknown>,
): Promise<Measured> {
  const took = { raw: [] as number[], task: [] as number[] };
  await withRunners(bench, runners, async (context) => {
    for (let pair = 0; pair < pairs; pair++) {
      await bench.freshCopy();
      let id = 0;
      took.raw.push(
        await seconds(async () => {
          id = (await runTask(context, rows, operation, body)).id;
        }),
      );
      await bench.settle();
      took.task.push(await seconds(() => undoTask(context, rows, id)));
    }
  });
  return ratioRow({ case: `undo ${name}`, rows, pairs }, took);
}
