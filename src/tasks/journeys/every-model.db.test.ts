import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { AppError } from '../../errors.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { isPossible } from '../../resources/possible-actions.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { undo } from '../follow-ups/undo.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';

const everything = { kind: 'matching', filter: '' } as const;

/** A value that any column of its type takes. */
function valueFor({ meta, enum: choice }: ResourceField): string | null {
  if (meta.isList) return null;
  if (choice) return choice.values[0]?.name ?? null;
  if (meta.type === 'String')
    return ['text', 'varchar(20)', 'citext'].includes(meta.sqlType ?? '') ? 'ü%_\\"' : null;
  if (meta.type === 'DateTime')
    return meta.sqlType === 'date'
      ? '2031-01-31'
      : /^time(tz)?\b/.test(meta.sqlType ?? '')
        ? '12:34'
        : '2031-01-31T12:34';
  return (
    { Int: '7', BigInt: '7', Float: '7.5', Decimal: '7.5', Boolean: 'true', Json: '{"n":1.10}' }[
      meta.type as string
    ] ?? null
  );
}

/** No other column decides what it may hold. */
function isFree({ model }: Resource, { meta, relation }: ResourceField): boolean {
  const isPartOfKey = Object.values(model.fields).some((field) =>
    field.relation?.fromFields.includes(meta.name),
  );
  return !relation && !isPartOfKey && !model.uniques.some((unique) => unique.includes(meta.name));
}

test('records of every model are changed, deleted and put back in the background, whatever their ids are', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'torture' });
  const context = testContext(db, {}, { chunkSize: 7, minAsyncRecords: 1 }, tortureAdmin);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());

  const run = async (
    resource: Resource,
    operation: 'update' | 'delete',
    body: Record<string, unknown>,
  ) => finished(db, (await launchOn(context, resource, everything, operation, body)).task.id);
  const undone = async (task: TaskRow) =>
    finished(
      db,
      (await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null })).task.id,
    );
  const picture = async ({ model }: Resource) =>
    (
      await db.pages.query(`select to_jsonb(t.*)::text as row from ${model.table} t order by 1`)
    ).rows.map(({ row }) => row as string);

  // What belongs to others stands after them in the schema, and would be gone with them.
  for (const resource of [...context.registry.listFor(ada)].reverse()) {
    if (!isPossible(resource.model, 'bulk-update')) continue;
    await t.test(resource.model.name, async () => {
      const before = await picture(resource);
      const written = resource.bulkFields.flatMap((field) => {
        const value = isFree(resource, field) ? valueFor(field) : null;
        return value === null ? [] : [{ name: field.name, value }];
      });
      if (written.length > 0) {
        const values = Object.fromEntries(
          written.map(({ name, value }) => [`value.${name}`, value]),
        );
        const task = await run(resource, 'update', {
          field: written.map(({ name }) => name),
          ...values,
        });
        assert.deepEqual(
          [task.state, task.failed, task.done],
          ['succeeded', 0, before.length],
          task.message ?? '',
        );
        const undoing = await undone(task);
        assert.deepEqual(
          [undoing.state, undoing.failed, undoing.changed],
          ['succeeded', 0, task.changed],
          undoing.message ?? '',
        );
        assert.deepEqual(await picture(resource), before, 'as before the edit');
      }
      const deletion = await run(resource, 'delete', { acknowledge: 'yes' });
      if (deletion.state !== 'succeeded') {
        assert.ok(deletion.failed > 0, 'others point at them');
        assert.equal((await picture(resource)).length, before.length - deletion.changed);
      } else assert.deepEqual(await picture(resource), []);
      try {
        const undoing = await undone(deletion);
        assert.deepEqual([undoing.state, undoing.failed], ['succeeded', 0], undoing.message ?? '');
        assert.deepEqual(await picture(resource), before, 'as before the delete');
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        t.diagnostic(`${resource.model.name}: ${error.message}`);
      }
    });
  }
});
