import { AppError } from '../errors.ts';
import { getFieldKind } from '../fields/register.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import type { ApplyCounts, Operation } from './contract.ts';
import { keyCondition } from './key-sql.ts';
import { updateStatement } from './update-sql.ts';

export type ChangeKind = 'set' | 'clear' | 'add' | 'remove' | 'replace';

/** What is done to one chosen field. `value` is text that Postgres casts to the field's type, a list for many-to-many. */
export interface FieldChange {
  readonly field: string;
  readonly change: ChangeKind;
  readonly value: string | readonly string[] | null;
}

export interface UpdateParameters {
  readonly changes: readonly FieldChange[];
}

/** Sets or clears chosen fields. Fields that were not chosen are not written. */
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
  const chosen = listOf(body.field);
  const fieldErrors: Record<string, string> = {};
  const changes: FieldChange[] = [];
  for (const name of new Set(chosen)) {
    const field = resource.bulkFields.find((candidate) => candidate.name === name);
    if (!field) {
      throw new AppError('invalid-operation', 422, `There is no field "${name}" that can be changed in bulk.`, { fieldErrors: {} });
    }
    const change = parseChange(field, body);
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

function parseChange(field: ResourceField, body: Record<string, unknown>): FieldChange | { error: string } {
  const kind = getFieldKind(field);
  const given = body[`change.${field.name}`];
  const change = (typeof given === 'string' && given !== '' ? given : kind.changesOf(field)[0]) as ChangeKind;
  if (!kind.changesOf(field).includes(change)) return { error: `${field.label} cannot be changed in this way.` };
  if (change === 'clear') return { field: field.meta.name, change, value: null };
  const input = body[`value.${field.name}`];
  if (isBlank(input)) return { error: `Give a value for ${field.label}, or untick it.` };
  const parsed = kind.parse(input as string | string[], field);
  if ('error' in parsed) return { error: parsed.error };
  if (parsed.value === null || parsed.value === undefined) return { error: `Give a value for ${field.label}, or untick it.` };
  return { field: field.meta.name, change, value: kind.toSql(parsed.value, field) };
}

function isBlank(input: unknown): boolean {
  if (Array.isArray(input)) return input.every((item) => item === '');
  return input === undefined || input === '';
}

function listOf(input: unknown): string[] {
  if (input === undefined) return [];
  return (Array.isArray(input) ? input : [input]).filter((item): item is string => typeof item === 'string');
}

const words: Record<ChangeKind, string> = { set: 'set to', clear: 'cleared', add: 'add', remove: 'remove', replace: 'replace by' };

function describeChange(resource: Resource, { field, change, value }: FieldChange): string {
  const label = resource.bulkFields.find((candidate) => candidate.meta.name === field)?.label ?? field;
  const shown = Array.isArray(value) ? value.join(', ') : value;
  return change === 'clear' ? `${label}: ${words.clear}` : `${label}: ${words[change]} ${shown}`;
}
