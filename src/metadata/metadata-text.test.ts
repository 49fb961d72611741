import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { Metadata, ModelMeta } from './contract.ts';
import { metadataText } from './metadata-text.ts';

const { Tag } = metadata.models;
const schemaOf = (...names: string[]): Metadata => ({
  enums: {},
  models: Object.fromEntries(names.map((name): [string, ModelMeta] => [name, { ...Tag, name }])),
});
const declaredIn = (text: string) =>
  [...text.matchAll(/^export (?:type|interface|const) (\w+)/gm)].map(([, name]) => name);

test('each type has a name of its own, whatever models are called', () => {
  const models = ['City', 'CityField', 'CityRecord_', 'Date', 'Models', 'Prisma', 'metadata'];
  const text = metadataText(schemaOf(...models), { from: '@prisma/client' });
  const declared = declaredIn(text);
  assert.equal(declared.length, 6 * models.length + 2);
  assert.deepEqual(
    declared.filter((name, index) => declared.indexOf(name) !== index),
    [],
  );
  assert.ok(!declared.includes('Date') && !declared.includes('Prisma'));
  assert.match(text, /^ {2}City: City;\n {2}CityField: CityField;$/m);
  assert.match(text, /^ {2}Date: Date_;$/m);
  assert.match(text, /where: Prisma\.DateWhereInput;/);
});

test('a foreign key is called by its relation, and what the database fills in may be missing', () => {
  const text = metadataText(metadata, { from: '../client/client.js' });
  assert.match(text, /^import type \{ Prisma \} from '\.\.\/client\/client\.js';$/m);
  assert.doesNotMatch(/^export type CityField = .*$/m.exec(text)?.[0] ?? '', /countryCode/);
  assert.match(text, /^export type CityKey = 'countryCode';$/m);
  assert.match(text, /interface CityRecord \{\n {2}id: number;/);
  assert.match(text, /interface CityDraft \{\n {2}id\?: number;/);
  assert.match(text, /^ {2}status: 'draft' \| 'reviewed' \| 'published' \| 'archived';$/m);
});
