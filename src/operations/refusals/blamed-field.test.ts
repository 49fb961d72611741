import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeIdentifier } from 'pg';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import type { Metadata } from '../../metadata/contract.ts';
import { fieldOf } from '../../metadata/model-fields.ts';
import { blamedField } from './blamed-field.ts';

test('a column is found by the name that the database says, whatever stands in it', () => {
  const city = (metadata as Metadata).models.City ?? assert.fail();
  const name = fieldOf(city, 'name');
  for (const dbColumn of ['name', 'a"b', '"', "it's"]) {
    const odd = {
      ...city,
      fields: { ...city.fields, name: { ...name, dbColumn, column: escapeIdentifier(dbColumn) } },
    };
    assert.equal(blamedField(odd, { column: dbColumn }), 'name', dbColumn);
    for (const kind of ['key', 'check', 'fkey'])
      assert.equal(blamedField(odd, { constraint: `city_${dbColumn}_${kind}` }), 'name', dbColumn);
  }
});
