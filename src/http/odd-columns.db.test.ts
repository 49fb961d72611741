import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, escapeIdentifier } from 'pg';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { compareCatalog } from '../cli/schema/compare-catalog.ts';
import { transaction } from '../db/transaction.ts';
import { defineEveryResource } from '../index.ts';
import type { Metadata } from '../metadata/contract.ts';
import { fieldOf } from '../metadata/model-fields.ts';
import { assertNotOnto, rowsOf } from '../operations/update/moves-onto.ts';
import { testApp } from '../testing/app.ts';
import { insertPlaces } from '../testing/places.ts';

const odd = `it's "odd"`;

/** The sample's, with a column that the database calls oddly. */
function oddly(modelName: 'City' | 'Country', fieldName: string): Metadata {
  const known = metadata as Metadata;
  const model = known.models[modelName] ?? assert.fail();
  const field = { ...fieldOf(model, fieldName), dbColumn: odd, column: escapeIdentifier(odd) };
  const fields = { ...model.fields, [fieldName]: field };
  return { ...known, models: { ...known.models, [modelName]: { ...model, fields } } };
}

test('a column with quotes in its name is the field’s when an update moves records onto each other', async (t) => {
  const { db } = await testApp(t);
  await insertPlaces(db, 3);
  await db.pages.query(`
    alter table gazetteer.city rename population to ${escapeIdentifier(odd)};
    alter table gazetteer.city add constraint once unique (${escapeIdentifier(odd)}) deferrable`);
  const model = oddly('City', 'population').models.City ?? assert.fail();
  await assert.rejects(
    assertNotOnto(db.pages, model, [{ field: 'population', change: 'increase', value: '1' }], () =>
      rowsOf(
        model,
        [1, 2, 3].map((id) => String(id).padStart(20, '0')),
      ),
    ),
    { code: 'moves-onto' },
  );
});

test('a column with quotes in its name is found as the schema names it, and said as it is', async (t) => {
  const { db } = await testApp(t);
  await db.pages.query(`alter table gazetteer.city rename population to ${escapeIdentifier(odd)}`);
  const compared = (of: Metadata) =>
    transaction(db.pages, (client) => compareCatalog(client as unknown as Client, of));
  assert.deepEqual(await compared(oddly('City', 'population')), { lacks: [], notes: [] });
  const { notes } = await compared(metadata as Metadata);
  assert.match(notes.join('\n'), /left alone: City\.it's "odd"\.|City\.it's "odd" needs a value/);
});

test('a column with quotes in its name is told by its label where a delete empties it', async (t) => {
  const resources = defineEveryResource(oddly('Country', 'capitalCityId'), []);
  const { db, signIn } = await testApp(t, { admin: { ...sample, schedules: [], resources } });
  await insertPlaces(db, 3);
  await db.pages.query(`
    update gazetteer.country set capital_city_id = 2;
    alter table gazetteer.country rename capital_city_id to ${escapeIdentifier(odd)}`);
  const { body } = await (await signIn('admin')).get('/cities/2/delete');
  assert.match(body, /by Capital/);
});
