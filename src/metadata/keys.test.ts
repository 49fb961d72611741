import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { ModelMeta } from './contract.ts';
import { isKey, keyColumns, keyOf, keyToUrl, parseKey, sortKeys, whereKeys } from './keys.ts';

const city = metadata.models.City as ModelMeta;
const country = metadata.models.Country as ModelMeta;
const pair: ModelMeta = { ...city, idFields: ['id', 'name'], compositeIdName: 'id_name' };

test('integer keys sort as text in the order of the numbers, negative ones included', () => {
  const numbers = [-2_147_483_648, -10, -9, -1, 0, 1, 9, 10, 99, 100, 2_147_483_647];
  const keys = numbers.map((id) => keyOf(city, { id }));
  assert.deepEqual([...keys].sort(), keys);
  assert.deepEqual(
    keys.map((key) => Number(keyToUrl(city, key))),
    numbers,
  );
});

test('keys are sorted by their bytes, each once, also beyond the characters that JavaScript has as one', () => {
  assert.deepEqual(sortKeys(['😀', '\uff41', 'a', '😀', '\ue000z', '\ue000']), [
    'a',
    '\ue000',
    '\ue000z',
    '\uff41',
    '😀',
  ]);
});

test('a URL holds the natural id, also of text and composite ids', () => {
  assert.equal(keyToUrl(city, parseKey(city, '42')), '42');
  assert.equal(keyToUrl(country, parseKey(country, 'ESP')), 'ESP');
  const key = keyOf(pair, { id: 7, name: 'a "b", [c]' });
  assert.equal(parseKey(pair, keyToUrl(pair, key)), key);
  assert.deepEqual(
    keyColumns(pair, [key]).map((column) => column.values),
    [['7'], ['a "b", [c]']],
  );
});

test('what cannot be an id of the model is not found', () => {
  for (const text of ['', 'x', '1.5', '1e3', '2147483648', '-2147483649', '9'.repeat(40), ' 1']) {
    assert.throws(() => parseKey(city, text), { status: 404 }, text);
  }
  for (const text of ['', '{}', '["1"]', '[1,2]', '["x","y"]'])
    assert.throws(() => parseKey(pair, text), { status: 404 }, text);
});

test('only the one form is a key', () => {
  assert.equal(isKey(city, keyOf(city, { id: 5 })), true);
  for (const text of ['5', '', '0000000000000000000x', '-5', '99999999999999999999'])
    assert.equal(isKey(city, text), false, text);
});

test('no keys means no record, never every record', () => {
  assert.deepEqual(whereKeys(city, []), { OR: [] });
});
