import type { Principal } from '../../auth/principal.ts';
import { type FieldChange, relatedIds } from '../../operations/update.ts';
import { getOperation } from '../../operations/register.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import { delegateOf } from '../../resources/delegate.ts';
import { keyOf, parseKey, whereKeys } from '../../metadata/keys.ts';
import { buildWhere } from '../../selection/where.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { taskTexts } from '../texts/tasks.ts';

/** What a task does, in words, related records by their titles; one statement for each relation it changes. */
export async function parametersInWords(register: Register, resource: Resource, principal: Principal, task: TaskRow): Promise<string[]> {
  const operation = getOperation(task.operation);
  const { changes } = (task.parameters ?? {}) as { changes?: readonly FieldChange[] };
  if (!changes) return operation.describe(resource, task.parameters);
  const seen = changes.filter((change) => resource.fields.some(({ meta }) => meta.name === change.field));
  const named = await Promise.all(seen.map((change) => withTitles(register, resource, principal, change)));
  const hidden = changes.length - seen.length;
  return [...operation.describe(resource, { changes: named }), ...(hidden > 0 ? [taskTexts.hiddenChanges(hidden)] : [])];
}

async function withTitles(register: Register, resource: Resource, principal: Principal, change: FieldChange): Promise<FieldChange> {
  const field = resource.fields.find((candidate) => candidate.meta.name === change.field);
  const ids = field ? relatedIds(field, change) : [];
  if (!field || ids.length === 0) return change;
  const titles = await titlesByUrl(register, resource, principal, field, ids);
  const shown = ids.map((id) => titles.get(id) ?? id);
  return { ...change, value: typeof change.value === 'string' ? (shown[0] ?? '') : shown };
}

async function titlesByUrl(
  register: Register,
  resource: Resource,
  principal: Principal,
  field: ResourceField,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const model = resource.metadata.models[field.relation?.model ?? ''];
  if (!model) return new Map();
  const related = resource.related(model.name);
  if (!related) return new Map();
  const title = related.titleField;
  const keys = new Map(ids.slice(0, 100).map((id) => [parseKey(model, id), id]));
  const rows = await delegateOf(register.client, model).findMany({
    where: { AND: [buildWhere(related, principal, ''), whereKeys(model, [...keys.keys()])] },
    select: Object.fromEntries([...model.idFields, title].map((name) => [name, true])),
  });
  return new Map(rows.map((row) => [keys.get(keyOf(model, row)) ?? '', String(row[title] ?? '')]));
}
