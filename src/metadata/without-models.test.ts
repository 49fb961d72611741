import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { withoutModels } from './without-models.ts';

test('nothing leads to a model that is not in the database, and its keys are values as others are', () => {
  const reduced = withoutModels(metadata, ['Country']);
  const relations = Object.values(reduced.models).flatMap(({ fields }) =>
    Object.values(fields).map(({ relation }) => relation?.model),
  );
  assert.ok(
    Object.values(metadata.models).some(({ fields }) =>
      Object.values(fields).some(({ relation }) => relation?.model === 'Country'),
    ),
  );
  assert.ok(!relations.includes('Country'));
  assert.ok(relations.includes('Tag'), 'what leads elsewhere stays');
  assert.equal(metadata.models.City.fields.countryCode?.foreignKeyOf, 'country');
  assert.equal(reduced.models.City?.fields.countryCode?.foreignKeyOf, null);
  assert.equal(withoutModels(metadata, []), metadata);
});
