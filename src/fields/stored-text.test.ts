import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testField } from '../testing/field.ts';
import type { FieldKind } from './contract.ts';
import { kinds } from './kinds.ts';
import { utcReader } from './reader.ts';
import { shownItems, shownText } from './stored-text.ts';

const kind: FieldKind = {
  ...kinds.text,
  name: 'loud',
  format: (value) => ({ text: `${[value].flat().join(' and ')}!`, align: 'start' }),
  fromText: (text) => (text.startsWith('[') ? (JSON.parse(text) as string[]) : text.toUpperCase()),
};

test("what PostgreSQL wrote is read and said by the field's own kind, and stands as it is where that fails", () => {
  const field = { ...testField('String', 'text'), kind };
  assert.equal(shownText('a', field, utcReader), 'A!');
  assert.equal(shownText('a', { ...field, format: (value) => `own ${value}` }, utcReader), 'own A');
  assert.equal(shownText('[', field, utcReader), '[');
});

test('items of a list are said one by one, and as a whole where the project has a kind for it', () => {
  const list = testField('DateTime', 'date[]', { isList: true });
  assert.equal(shownItems(['2026-01-31', 'infinity'], list, utcReader), '31 Jan 2026, infinity');
  assert.equal(shownItems(['a', 'b'], { ...list, kind }, utcReader), 'a and b!');
});
