import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { whereKeys } from '../../metadata/keys.ts';
import { consequences } from '../../operations/cascade/consequences.ts';
import { ada, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { cityShapes } from '../../testing/odd-cities.ts';
import { insertPlaces } from '../../testing/places.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';
import { previewUndo, undo } from '../follow-ups/undo.ts';

const keys = [1, 2, 101, 102].map((id) => String(id).padStart(20, '0'));

test('records of a table that others inherit from are edited and put back where they are; a delete of them is final, and says so before', async (t) => {
  const { db } = await testDatabase(t);
  await db.pages.query(cityShapes.inherited.sql);
  await insertPlaces(db, 5);
  await db.pages.query(
    `insert into gazetteer.village select (jsonb_populate_record(null::gazetteer.village, to_jsonb(c) || jsonb_build_object('id', id + 100, 'own', 'chapel'))).* from only gazetteer.city c`,
  );
  const context = testContext(db);
  const cities = context.registry.for(ada, 'cities');
  const rows = async () =>
    (
      await db.pages.query(
        'select tableoid::regclass::text as of, id, notes from gazetteer.city order by id',
      )
    ).rows;
  const before = await rows();
  const run = (operation: 'update' | 'delete', body: Record<string, string>) =>
    runAtOnce(
      context,
      launchOn(context, cities, { keys }, operation, body, ada, { inBackground: true }),
    );
  const takeBack = (id: number) =>
    undo(context, ada, id, { operationId: randomUUID(), chosen: null });

  const edited = await run('update', { field: 'notes', 'value.notes': 'new' });
  assert.equal(edited.changed, 4);
  await runAtOnce(context, takeBack(edited.id));
  assert.deepEqual(await rows(), before);

  const { cascade } = await consequences(
    db,
    context.registry,
    cities,
    ada,
    whereKeys(cities.model, keys),
  );
  assert.deepEqual(cascade, { isKept: false, reason: 'heirs', table: 'village', tables: [] });
  const deleted = await run('delete', { acknowledge: 'yes' });
  assert.equal(deleted.changed, 4);
  const left = await rows();
  const isFinal = { code: 'not-undoable', status: 409, message: /village inherits/ };
  await assert.rejects(previewUndo(context, ada, deleted.id, null), isFinal);
  await assert.rejects(takeBack(deleted.id), isFinal);
  assert.deepEqual(await rows(), left);
});
