import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { ownOperation } from '../operations/own/own-operation.ts';
import { undo } from '../tasks/follow-ups/undo.ts';
import { runSlice } from '../tasks/running/run-slice.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { testApp } from './app.ts';
import { ada, finished, launchOn, testContext } from './context.ts';
import { testDatabase } from './database.ts';
import { filledForm } from './filled-form.ts';
import { assertStatements, goldenFolder } from './golden.ts';
import { insertPlaces } from './places.ts';
import { type Recorded, recordStatements } from './record-statements.ts';
import { fillWith } from './records-of.ts';

/**
 * What is sent to the database, to be read and reviewed: the life of a task, what each operation
 * does to the sample's tables, a list page. From PostgreSQL 18 on; an older server is asked for old
 * values by other statements.
 */
const everything = { kind: 'matching', filter: '' } as const;

const ofSample = ({ text }: Recorded) => text.includes('"gazetteer".');

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, { chunkSize: 100 });
  await insertPlaces(db, 30);
  const worker = {
    id: '00000000-0000-4000-8000-0000000000d1',
    pool: db.background,
    tokens: new Set<string>(),
    unknown: new Set<string>(),
    backends: ['queue'],
  };
  /** Takes a task from its queue to its end. */
  const record = async ({ id }: TaskRow) => {
    const { statements } = await recordStatements(db, () =>
      runSlice(context, worker, id, new AbortController().signal),
    );
    const task = await finished(db, id, 0);
    assert.deepEqual(
      { state: task.state, changed: task.changed },
      { state: 'succeeded', changed: 30 },
    );
    return { task, statements };
  };
  const run = async (operation: string, body: Record<string, unknown>, slug = 'cities') => {
    const { task } = await launchOn(
      context,
      context.registry.get(slug),
      everything,
      operation,
      body,
    );
    return record(task);
  };
  const takeBack = async ({ id }: TaskRow) => {
    const { task } = await undo(context, ada, id, { operationId: randomUUID(), chosen: null });
    return record(task);
  };
  return { context, db, run, takeBack };
}

const edits = {
  field: ['status', 'notes', 'tags'],
  'value.status': 'published',
  'change.notes': 'append',
  'value.notes': '!',
  'change.tags': 'add',
  'value.tags': ['1'],
};

/** Names of files, by the test that records what they hold. */
const held = new Map<string, readonly string[]>();

async function hold(
  t: TestContext,
  statements: ReadonlyMap<string, readonly Recorded[]>,
): Promise<void> {
  held.set(t.name, [...statements.keys()]);
  for (const [name, sent] of statements) await assertStatements(name, sent);
}

test('what tasks and operations send to the database', async (t) => {
  const { context, db, run, takeBack } = await setUp(t);
  if (db.version < 18) return t.skip(`PostgreSQL ${db.version}`);
  const update = await run('update', edits);
  const undoUpdate = await takeBack(update.task);
  const own = new Map<string, Awaited<ReturnType<typeof run>>>();
  for (const { slug, model, operations } of context.registry.list) {
    for (const definition of operations) {
      await fillWith(db, model.name, 30);
      const { name } = definition.options;
      own.set(`${slug}-${name}`, await run(name, filledForm(ownOperation(definition)), slug));
    }
  }
  await fillWith(db, 'City', 30);
  const deletion = await run('delete', { acknowledge: 'yes' });
  const undoDelete = await takeBack(deletion.task);
  const redoDelete = await takeBack(undoDelete.task);
  const life = update.statements.filter((statement) => !ofSample(statement));
  const known = new Set(life.map(({ text }) => text));
  const rest = ({ statements }: { statements: readonly Recorded[] }) =>
    statements.filter(({ text }) => !known.has(text));
  await hold(
    t,
    new Map([
      ['task', life],
      ['update', rest(update)],
      ['undo-update', rest(undoUpdate)],
      ...[...own].map(([name, done]) => [name, rest(done)] as const),
      ['delete', rest(deletion)],
      ['undo-delete', rest(undoDelete)],
      ['redo-delete', rest(redoDelete)],
    ]),
  );
});

test('what a list page sends to the database', async (t) => {
  const app = await testApp(t);
  if (app.db.version < 18) return t.skip(`PostgreSQL ${app.db.version}`);
  await insertPlaces(app.db, 30);
  const editor = await app.signIn('editor');
  const page = '/cities?status=draft&name=place&_sort=country.name,-population';
  await editor.get(page);
  const { result, statements } = await recordStatements(app.db, () => editor.get(page));
  assert.equal(result.statusCode, 200);
  await hold(t, new Map([['list', statements]]));
});

test('no file is kept of what nobody sends', async (t) => {
  // What was not recorded, on this server or since a test above failed, is not nobody's.
  if (held.size < 2) return t.skip('not everything was recorded');
  const names = [...held.values()].flat().map((name) => `${name}.sql`);
  assert.deepEqual((await readdir(goldenFolder)).sort(), names.sort());
});
