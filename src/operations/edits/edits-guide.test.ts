import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { editTexts } from '../../http/bulk/edits-texts.ts';
import { buildRegistry } from '../../resources/registry.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { editNames } from './contract.ts';
import { editsFor } from './edits.ts';

const guide = await readFile(join(import.meta.dirname, '../../../docs/edits.md'), 'utf8');

/**
 * One field for each row of the guide's first table: all may be empty, and have another of their
 * kind beside them.
 */
const examples: Readonly<Record<string, [model: string, field: string]>> = {
  text: ['Everything', 'text'],
  'whole number': ['Everything', 'int'],
  decimal: ['Everything', 'decimal'],
  float: ['Everything', 'float'],
  'yes or no': ['Everything', 'boolean'],
  'date, with or without time': ['Everything', 'dateTime'],
  'time of day': ['Everything', 'time'],
  enum: ['Everything', 'mood'],
  JSON: ['Everything', 'json'],
  'list of values': ['ScalarList', 'texts'],
  'one related record': ['Person', 'mentor'],
  'many related records': ['Person', 'clubs'],
};

function rowsOf(heading: string): string[][] {
  const section = guide.slice(guide.indexOf(heading));
  const lines = section
    .slice(0, section.indexOf('\n## ', 4) < 0 ? undefined : section.indexOf('\n## ', 4))
    .split('\n');
  const rows = lines
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '));
  return rows.slice(2);
}

const limits = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000, countLimit: 10_000 };
const registry = buildRegistry(tortureAdmin.resources, (() => ({})) as never, {} as never, limits);

for (const [kind = '', listed = ''] of rowsOf('## What fits which field')) {
  test(`the guide lists what can be done to: ${kind}`, () => {
    const [model, name] = examples[kind] ?? assert.fail(`there is no example of ${kind}`);
    const resource = registry.list.find((candidate) => candidate.model.name === model);
    const field = resource?.fields.find((candidate) => candidate.name === name);
    assert.ok(resource && field, `${model}.${name}`);
    assert.equal(
      listed,
      editsFor(field, resource)
        .map((change) => change.name)
        .join(', '),
    );
  });
}

test('the guide has a row for every kind of field that the tests know, and no other', () => {
  assert.deepEqual(
    rowsOf('## What fits which field').map(([kind]) => kind),
    Object.keys(examples),
  );
});

test('the guide has a row for every change, by its name in the dialog', () => {
  const rows = rowsOf('## What each does').map(([name = '', label]) => [
    name.replaceAll('`', ''),
    label,
  ]);
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(editNames.map((name) => [name, editTexts[name].label])),
  );
});
