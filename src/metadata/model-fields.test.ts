import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { Metadata } from './contract.ts';
import { fieldOf, idFieldsOf, joinOf } from './model-fields.ts';

const { City: city, Country: country } = (metadata as Metadata).models;
assert.ok(city && country);

test('a field is found by its name, and one that there is not is named', () => {
  assert.equal(fieldOf(city, 'altName').dbColumn, 'alt_name');
  assert.throws(() => fieldOf(city, 'nmae'), /City has no field nmae/);
});

test('the fields of an id are those of its parts, in their order', () => {
  const ofMany = { ...city, idFields: ['population', 'name'] };
  assert.deepEqual(
    [country, ofMany, { ...city, idFields: [] }].map((model) =>
      idFieldsOf(model).map(({ name }) => name),
    ),
    [['code'], ['population', 'name'], []],
  );
});

test('both sides of a join table are told apart, and a field without one is named', () => {
  const { joinTable, ownColumn, otherColumn, model } = joinOf(fieldOf(city, 'tags'));
  assert.deepEqual(
    [joinTable, ownColumn, otherColumn, model],
    ['"gazetteer"."_CityToTag"', '"A"', '"B"', 'Tag'],
  );
  for (const name of ['name', 'country'])
    assert.throws(() => joinOf(fieldOf(city, name)), new RegExp(`${name} has no join table`));
});
