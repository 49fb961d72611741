import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { AppError, defineResource, type TypedResourceOptions } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { imageAt } from '../../operations/journal/kept-images.ts';
import { createRecord, deleteRecord, updateRecord } from '../../operations/save-record.ts';
import { createSelection } from '../../selection/selection.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { openAsKeeper } from '../../testing/keeper.ts';
import { causes, nothingInTheWay, type TableFate } from '../../testing/outcome-causes.ts';
import { findBroken, invariantsAlways } from '../../testing/task-invariants.ts';
import type { TaskContext } from '../context.ts';
import { undo } from '../follow-ups/undo.ts';
import { saveContextOf } from '../launching/save-context.ts';
import { lookAhead } from '../previewing/look-ahead.ts';
import { createPreview } from '../previewing/preview.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';

type Options = TypedResourceOptions<typeof metadata, 'City'>;

/** The ways in which a task writes. */
const ways: Readonly<Record<'sql' | 'hooks' | 'client', Options>> = {
  sql: {},
  hooks: { hooks: { beforeSave: () => undefined, afterDelete: () => undefined } },
  client: { writeThrough: 'client' },
};

interface Reset {
  notes?: string;
  tenth?: string;
  count?: number;
  were?: string;
}

const newNotes = { field: 'notes', 'value.notes': 'new' };
const deleting = { acknowledge: 'yes' };

/** Places 1 to 10: 1 to 3 are those that a cause is about, the tenth has the new notes already. */
async function setUp(t: TestContext) {
  const database = await testDatabase(t);
  const { db: owner, connectionString, defer } = database;
  const { db, connectionString: asKeeper } = await openAsKeeper(database, ['gazetteer']);
  await owner.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}')`,
  );
  const contextOf = (options: Options) =>
    testContext(
      db,
      {},
      {},
      {
        ...sample,
        schedules: [],
        resources: [defineResource(metadata, 'City', options), ...sample.resources.slice(1)],
      },
    );
  // Asked over a connection of its own.
  const own = new pg.Client({ connectionString });
  await own.connect();
  defer(() => own.end());
  const table = async () => {
    const { rows } = await own.query<{ id: number; notes: string }>(
      'select id, notes from gazetteer.city order by id',
    );
    return new Map(rows.map(({ id, notes }) => [Number(id), notes]));
  };
  /** As it is before each way: neither triggers, nor rules, nor policies are asked. */
  const reset = async ({ notes = 'old', tenth = 'new', count = 10, were = notes }: Reset = {}) => {
    await own.query(
      `set session_replication_role = replica; delete from gazetteer.city; select setval('gazetteer.city_id_seq', 100)`,
    );
    await own.query(
      `insert into gazetteer.city (id, name, country_code, feature_code, population, latitude, longitude, notes)
       select n, 'Place ' || n, 'ESP', 'PPL', n, 0, 0, case when n <= 3 then $4 when n < 10 then $1 else $2 end from generate_series(1, $3::int) n`,
      [notes, tenth, count, were],
    );
    await own.query(`set session_replication_role = origin`);
  };
  const withWorker = async <T>(context: TaskContext, work: () => Promise<T>): Promise<T> => {
    const worker = await startWorker(context, { connectionString: asKeeper, concurrency: 1 });
    try {
      return await work();
    } finally {
      await worker.stop();
    }
  };
  return { db, owner, table, reset, contextOf, withWorker };
}

type Table = ReadonlyMap<number, string>;

const keyOfId = (context: TaskContext, id: number) =>
  keyOf(context.registry.get('cities').model, { id });
const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const three = [1, 2, 3];
const fateOf = (code: string) => (code === 'kept-back' ? code : 'failed');
const isRefusedAsSet = (fate: TableFate) => fate === 'refused' || fate === 'set-refused';

function isOfRule({ code, status, message }: AppError, how: string): void {
  assert.deepEqual([code, status], ['rewritten-table', 422], how);
  assert.match(message, /“(no|tell)_(change|delete|insert)”/, how);
}

async function refusal(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return assert.fail('it was not refused');
}

test('what is said of records is what the table says', async (t) => {
  const { db, owner, table, reset, contextOf, withWorker } = await setUp(t);
  const keysOf = (context: TaskContext) => ten.map((id) => keyOfId(context, id));

  const launch = async (
    context: TaskContext,
    operation: 'update' | 'delete',
    inBackground: boolean,
  ) => {
    const body = operation === 'update' ? newNotes : deleting;
    const { task } = await launchOn(
      context,
      context.registry.get('cities'),
      { keys: keysOf(context) },
      operation,
      body,
      ada,
      {
        inBackground,
      },
    );
    return finished(db, task.id);
  };
  const preview = async (context: TaskContext, operation: 'update' | 'delete') => {
    const about = { resource: context.registry.get('cities'), principal: ada };
    const selected = { kind: 'ticked' as const, filter: '', keys: keysOf(context), exclusions: [] };
    const { id: selectionId } = await createSelection(db, ada, about.resource, selected);
    const parameters =
      operation === 'update' ? { changes: [{ field: 'notes', change: 'set', value: 'new' }] } : {};
    const { findings } = await lookAhead(context, {
      ...about,
      preview: await createPreview(context, { ...about, operation, selectionId, parameters }),
    });
    const { changed, unchanged, busy, refused } = findings ?? assert.fail('nothing was tried');
    return {
      changed,
      unchanged,
      busy,
      refused: refused.map(({ code, count }) => [fateOf(code), count]),
    };
  };
  const named = async (taskId: number) => {
    const { rows } = await db.pages.query<{ code: string; keys: string[] }>(
      `select code, keys from ${db.t.task_failure} where task_id = $1`,
      [taskId],
    );
    return rows.map(({ code, keys }) => [fateOf(code), keys.map(Number)]);
  };
  const isAsBefore = async (before: Table, how: string) =>
    assert.deepEqual(await table(), before, how);

  /** Every count against the table before and after. */
  const agrees = async (
    task: TaskRow,
    before: Table,
    { fate, isAsked, how }: { fate: TableFate; isAsked: (id: number) => boolean; how: string },
  ) => {
    const after = await table();
    const differ = ten.filter((id) => before.get(id) !== after.get(id));
    const refused = fate === 'passes' ? [] : three;
    const { state, changed, unchanged, failed, keptBack, gone, conflicted } = task;
    assert.deepEqual(
      {
        differ,
        state,
        changed,
        unchanged,
        failed,
        keptBack,
        gone,
        conflicted,
        named: await named(task.id),
      },
      {
        differ: ten.filter((id) => isAsked(id) && !refused.includes(id)),
        state: refused.length > 0 ? 'partial' : 'succeeded',
        changed: differ.length,
        unchanged: ten.filter((id) => !isAsked(id) && !differ.includes(id)).length,
        failed: fate === 'failed' ? 3 : 0,
        keptBack: fate === 'kept-back' ? 3 : 0,
        gone: 0,
        conflicted: 0,
        named: refused.length > 0 ? [[fate, three]] : [],
      },
      how,
    );
  };

  // Done while nothing is in the way, to be undone when something is.
  const plain = contextOf(ways.sql);
  await reset({ tenth: 'old' });
  const updated = await launch(plain, 'update', false);
  await reset();
  const deleted = await launch(plain, 'delete', false);
  assert.deepEqual([updated.changed, deleted.changed], [10, 10]);

  for (const [way, options] of Object.entries(ways)) {
    const context = contextOf(options);
    await withWorker(context, async () => {
      for (const cause of causes) {
        await owner.pages.query(cause.sql);
        for (const operation of ['update', 'delete'] as const) {
          const fate = operation === 'update' ? cause.update : cause.remove;
          const how = `${cause.name}: ${operation} by ${way}`;
          const isAsked = (id: number) => operation === 'delete' || id < 10;
          const start = cause.were === undefined ? {} : { were: cause.were };
          await reset(start);
          const before = await table();
          if (isRefusedAsSet(fate)) {
            isOfRule(await refusal(() => preview(context, operation)), `preview of ${how}`);
            isOfRule(await refusal(() => launch(context, operation, true)), how);
            isOfRule(await refusal(() => launch(context, operation, false)), `${how} inline`);
            await isAsBefore(before, how);
            continue;
          }
          const foreseen = await preview(context, operation);
          await isAsBefore(before, `preview of ${how}`);
          const task = await launch(context, operation, true);
          await agrees(task, before, { fate, isAsked, how });
          const { changed, unchanged } = task;
          assert.deepEqual(
            foreseen,
            { changed, unchanged, busy: 0, refused: fate === 'passes' ? [] : [[fate, 3]] },
            `preview of ${how}`,
          );
          if (cause.stands && operation === 'update') {
            const { rows } = await db.pages.query(
              `select (${imageAt('after', '0')}) ->> 'notes' as notes from ${db.t.change} where task_id = $1`,
              [task.id],
            );
            assert.deepEqual(
              [(await table()).get(1), rows[0].notes],
              [cause.stands, cause.stands],
              `image of ${how}`,
            );
          }
          await reset(start);
          if (fate === 'passes') {
            await agrees(await launch(context, operation, false), before, {
              fate,
              isAsked,
              how: `${how} inline`,
            });
            continue;
          }
          const error = await refusal(() => launch(context, operation, false));
          const { failures = [], taskId = 0 } = error.details;
          assert.deepEqual(
            [error.code, error.status, failures.map(({ key }) => Number(key))],
            ['refused', 422, three],
            how,
          );
          await isAsBefore(before, `${how} inline`);
          assert.deepEqual(await named(taskId), [[fate, three]], `${how} inline`);
        }
        await owner.pages.query(nothingInTheWay);
      }
    });
  }

  await withWorker(plain, async () => {
    for (const cause of causes) {
      await owner.pages.query(cause.sql);
      for (const [parent, fate, before] of [
        [updated, cause.update, { notes: 'new' }],
        [deleted, cause.insert, { count: 0 }],
      ] as const) {
        const how = `${cause.name}: undo of ${parent.operation}`;
        await reset(before);
        const stood = await table();
        const undoing = () =>
          undo(plain, ada, parent.id, { operationId: randomUUID(), chosen: null });
        if (isRefusedAsSet(fate)) {
          isOfRule(await refusal(undoing), how);
          await isAsBefore(stood, how);
          continue;
        }
        const task = await finished(db, (await undoing()).task.id);
        await agrees(task, stood, { fate, isAsked: () => true, how });
      }
      await owner.pages.query(nothingInTheWay);
    }
  });

  const cities = plain.registry.get('cities');
  const save = saveContextOf(plain, cities, ada);
  const values = (given: Record<string, unknown>) =>
    new Map(
      Object.entries(given).map(([name, value]) => [
        cities.form.find((field) => field.name === name) ?? assert.fail(name),
        value,
      ]),
    );
  const place = {
    name: 'Eleventh',
    country: 'ESP',
    featureCode: 'PPL',
    population: 1,
    latitude: '1.5',
    longitude: '2',
  };
  for (const cause of causes) {
    await owner.pages.query(cause.sql);
    const forms: [string, TableFate, () => Promise<unknown>, (after: Table) => boolean][] = [
      [
        'edit',
        cause.update,
        () => updateRecord(save, keyOfId(plain, 1), () => values({ notes: 'new' })),
        (after) => after.get(1) === (cause.stands ?? 'new'),
      ],
      [
        'delete',
        cause.remove,
        () => deleteRecord(save, keyOfId(plain, 2)),
        (after) => !after.has(2),
      ],
      ['new', cause.insert, () => createRecord(save, values(place)), (after) => after.size === 11],
    ];
    for (const [form, fate, work, isDone] of forms) {
      const how = `${cause.name}: form of ${form}`;
      await reset(cause.were === undefined ? {} : { were: cause.were });
      const before = await table();
      if (fate === 'passes' || fate === 'set-refused') {
        await work();
        assert.ok(isDone(await table()), how);
        continue;
      }
      const error = await refusal(work);
      assert.equal(error.status, 422, how);
      if (fate === 'kept-back') assert.equal(error.code, 'kept-back', how);
      if (fate === 'refused') isOfRule(error, how);
      await isAsBefore(before, how);
    }
    await owner.pages.query(nothingInTheWay);
  }
  assert.deepEqual(await findBroken(db, invariantsAlways(db)), []);
});
