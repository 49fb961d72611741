import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { Metadata } from '../metadata/contract.ts';
import { fieldOf } from '../metadata/model-fields.ts';
import { withTieBreak } from './sort.ts';

test('records that nothing addresses are put in order by every column but secrets', () => {
  const city = (metadata as Metadata).models.City ?? assert.fail();
  const secret = { ...fieldOf(city, 'notes'), isSecret: true };
  const model = { ...city, idFields: [], fields: { ...city.fields, notes: secret } };
  const names = withTieBreak(model, []).map(({ path }) => path);
  assert.ok(names.includes('name'));
  assert.ok(!names.includes('notes'), String(names));
});
