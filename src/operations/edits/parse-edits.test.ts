import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../../errors.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { buildRegistry } from '../../resources/registry.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { updateOperation } from '../update/update.ts';
import { type Edit, editNames } from './contract.ts';
import { editsFor } from './edits.ts';
import { familyOf } from './field-family.ts';

const limits = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000, countLimit: 10_000 };
const registry = buildRegistry(tortureAdmin.resources, (() => ({})) as never, {} as never, limits);

/** Every change of every field of every model, that asks for something. */
const asking = registry.list.flatMap((resource) =>
  resource.bulkFields.flatMap((field) =>
    editsFor(field, resource)
      .filter((change) => change.inputs(field, resource).length > 0)
      .map((change) => ({
        resource,
        field,
        change,
        name: `${change.name} of ${resource.slug}.${field.name}`,
      })),
  ),
);

/** What the form says of this field when it is sent so; null: it is taken. */
function errorOf(
  resource: Resource,
  field: ResourceField,
  change: Edit,
  given: Readonly<Record<string, string>>,
): string | null {
  const controls = Object.entries(given).map(([control, text]) => [
    `${control}.${field.name}`,
    text,
  ]);
  try {
    updateOperation.parse(resource, {
      field: field.name,
      [`change.${field.name}`]: change.name,
      ...Object.fromEntries(controls),
    });
    return null;
  } catch (error) {
    const { code, status, details } = error as AppError;
    assert.deepEqual([code, status], ['invalid-operation', 422]);
    return (details.fieldErrors as Record<string, string>)[field.name] ?? null;
  }
}

test('a field that is ticked and left empty is an error at that field, whatever its kind and its change; never null', () => {
  const withoutInput = ['clear', 'empty', 'trim', 'toggle'];
  assert.deepEqual(
    new Set(asking.map(({ change }) => change.name)),
    new Set(editNames.filter((name) => !withoutInput.includes(name))),
  );
  for (const { resource, field, change, name } of asking) {
    const empty = Object.fromEntries(
      change.inputs(field, resource).map((input) => [input.name, '']),
    );
    for (const given of [{}, empty])
      assert.match(errorOf(resource, field, change, given) ?? '', /Give|Choose/, name);
  }
});

test('a value that is none of the field’s type is an error at that field before anything starts', () => {
  const takesAnyText = ({ meta, relation }: ResourceField) =>
    relation === null && (meta.type === 'String' || meta.type === 'Bytes');
  const wrong: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    increase: { value: 'ten' },
    multiply: { value: '1e5' },
    percent: { value: '10 %' },
    round: { places: '1.5' },
    shift: { value: '1.5', unit: 'days' },
    'letter-case': { case: 'sentence' },
    copy: { from: 'nothing' },
  };
  for (const { resource, field, change, name } of asking) {
    const isOwn =
      ['set', 'fill', 'add', 'remove', 'replace'].includes(change.name) &&
      !takesAnyText(field) &&
      !field.relation;
    const given = wrong[change.name] ?? (isOwn ? { value: 'x{!' } : null);
    if (given) assert.notEqual(errorOf(resource, field, change, given), null, name);
  }
  const { resource, field } =
    asking.find(({ field: { meta } }) => familyOf(meta) === 'integer') ?? assert.fail();
  const increase = editsFor(field, resource).find(({ name }) => name === 'increase') as Edit;
  assert.match(errorOf(resource, field, increase, { value: '0.5' }) ?? '', /whole number/);
});
