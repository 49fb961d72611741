import { AppError } from '../errors.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import type { ChangeName, Given } from './changes/contract.ts';
import { changesFor, getChange } from './changes/register.ts';
import type { ApplyCounts, Operation } from './contract.ts';
import { keyCondition } from './key-sql.ts';
import { updateStatement } from './update-sql.ts';

/** What is done to one chosen field. The value is what the change made of its input, as plain JSON. */
export interface FieldChange {
  /** Name in the metadata: of the foreign key's scalar for a to-one relation. */
  readonly field: string;
  readonly change: ChangeName;
  readonly value: unknown;
}

export interface UpdateParameters {
  readonly changes: readonly FieldChange[];
}

/** Changes chosen fields. Fields that were not chosen are not written. */
export const updateOperation: Operation<UpdateParameters> = {
  kind: 'update',
  action: 'bulk-update',
  parse: parseChanges,
  title: (resource) => `Edit ${resource.label.toLowerCase()}`,
  describe: (resource, { changes }) => changes.map((change) => describeChange(resource, change)),
  statement: (target, keys, { changes }) => updateStatement(target, keys, changes),
  async apply(client, target, keys, { changes }): Promise<ApplyCounts> {
    const statement = updateStatement(target, keys, changes);
    const { rows } = await client.query<{ changed: number }>(statement.sql, statement.values);
    const changed = rows[0]?.changed ?? 0;
    if (changed === keys.length) return { changed, unchanged: 0, gone: 0 };
    const { model } = target.resource;
    const condition = keyCondition(model, 't', keys, 1);
    const present = await client.query<{ count: number }>(
      `select count(*)::int as count from ${model.table} t where ${condition.sql}`,
      condition.values,
    );
    const count = present.rows[0]?.count ?? 0;
    return { changed, unchanged: count - changed, gone: keys.length - count };
  },
};

function parseChanges(resource: Resource, body: Record<string, unknown>): UpdateParameters {
  const chosen = textsOf(body.field);
  const fieldErrors: Record<string, string> = {};
  const changes: FieldChange[] = [];
  for (const name of new Set(chosen)) {
    const field = resource.bulkFields.find((candidate) => candidate.name === name);
    if (!field) {
      throw new AppError('invalid-operation', 422, `There is no field "${name}" that can be changed in bulk.`, { fieldErrors: {} });
    }
    const isTwice = chosen.filter((other) => other === name).length > 1;
    const change = isTwice ? { error: `${field.label} is chosen twice.` } : parseChange(resource, field, body);
    if ('error' in change) fieldErrors[name] = change.error;
    else changes.push(change);
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError('invalid-operation', 422, 'Some values need attention. Nothing was changed.', { fieldErrors });
  }
  if (changes.length === 0) {
    throw new AppError('invalid-operation', 422, 'Tick at least one field to change.', { fieldErrors: {} });
  }
  return { changes };
}

function parseChange(resource: Resource, field: ResourceField, body: Record<string, unknown>): FieldChange | { error: string } {
  const offered = changesFor(field, resource);
  const given: Given = (control) => textsOf(body[`${control}.${field.name}`]);
  const wanted = given('change').at(-1) ?? '';
  const change = wanted === '' ? offered[0] : offered.find(({ name }) => name === wanted);
  if (!change) return { error: `${field.label} cannot be changed in this way.` };
  const parsed = change.parse(given, field, resource);
  return 'error' in parsed ? parsed : { field: field.meta.name, change: change.name, value: parsed.value };
}

function textsOf(input: unknown): string[] {
  return (Array.isArray(input) ? input : [input]).filter((item): item is string => typeof item === 'string');
}

function describeChange(resource: Resource, { field: name, change, value }: FieldChange): string {
  const field = resource.bulkFields.find((candidate) => candidate.meta.name === name);
  return field ? `${field.label}: ${getChange(change).describe(value, field, resource)}` : name;
}
