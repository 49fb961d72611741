import { type FieldChange, relatedIds } from '../../operations/update.ts';
import { getOperation } from '../../operations/register.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import { delegateOf } from '../../resources/delegate.ts';
import { keyOf, parseKey, whereKeys } from '../../metadata/keys.ts';
import type { TaskRow } from '../../tasks/task-row.ts';

/** What a task does, in words, related records by their titles; one statement for each relation it changes. */
export async function parametersInWords(register: Register, resource: Resource, task: TaskRow): Promise<string[]> {
  const operation = getOperation(task.operation);
  const { changes } = (task.parameters ?? {}) as { changes?: readonly FieldChange[] };
  if (!changes) return operation.describe(resource, task.parameters);
  const named = await Promise.all(changes.map((change) => withTitles(register, resource, change)));
  return operation.describe(resource, { changes: named });
}

async function withTitles(register: Register, resource: Resource, change: FieldChange): Promise<FieldChange> {
  const field = resource.bulkFields.find((candidate) => candidate.meta.name === change.field);
  const ids = field ? relatedIds(field, change) : [];
  if (!field || ids.length === 0) return change;
  const titles = await titlesByUrl(register, resource, field, ids);
  const shown = ids.map((id) => titles.get(id) ?? id);
  return { ...change, value: typeof change.value === 'string' ? (shown[0] ?? '') : shown };
}

async function titlesByUrl(
  register: Register,
  resource: Resource,
  field: ResourceField,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const model = resource.metadata.models[field.relation?.model ?? ''];
  if (!model) return new Map();
  const title = register.titleFieldOf(model.name);
  const keys = new Map(ids.slice(0, 100).map((id) => [parseKey(model, id), id]));
  const rows = await delegateOf(register.client, model).findMany({
    where: whereKeys(model, [...keys.keys()]),
    select: Object.fromEntries([...model.idFields, title].map((name) => [name, true])),
  });
  return new Map(rows.map((row) => [keys.get(keyOf(model, row)) ?? '', String(row[title] ?? '')]));
}
