import type { Principal } from '../../auth/principal.ts';
import { type FieldEdit, relatedIds } from '../../operations/field-edit.ts';
import { editsOf, findOperation, type Run } from '../../operations/operations.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { cutText } from '../../selection/cut.ts';
import { relatedTitles, relationTarget } from '../../selection/related.ts';
import { taskTexts } from './tasks-texts.ts';

/**
 * What a task does, or would do, in words, related records by their titles; one statement for each
 * relation it edits.
 */
export async function parametersInWords(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  run: Run,
): Promise<string[]> {
  const operation = findOperation(resource, run.operation);
  if (!operation) return [];
  const edits = editsOf(resource, run);
  if (edits.length === 0) return operation.describe(resource, run.parameters);
  const seen = edits.filter((change) =>
    resource.fields.some(({ meta }) => meta.name === change.field),
  );
  const named = await Promise.all(
    seen.map((change) => withTitles(registry, resource, principal, change)),
  );
  const hidden = edits.length - seen.length;
  return [
    ...operation.describe(resource, { ...(run.parameters as object), changes: named }),
    ...(hidden > 0 ? [taskTexts.hiddenChanges(hidden)] : []),
  ];
}

const maxShownLength = 200;

/** The parameters of an own task, a line each, as they were given. */
export function plainParameters(parameters: unknown): string[] {
  if (parameters === null || typeof parameters !== 'object') return [];
  return Object.entries(parameters).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${name}: ${cutText(text, maxShownLength)}`;
  });
}

async function withTitles(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  change: FieldEdit,
): Promise<FieldEdit> {
  const field = resource.fields.find((candidate) => candidate.meta.name === change.field);
  const target = field && relationTarget(resource, field);
  const ids = field ? relatedIds(field, change) : [];
  if (!target || ids.length === 0) return change;
  const titles = await relatedTitles(registry, target, principal, ids.slice(0, 100));
  const shown = ids.map((id) => titles.get(id) ?? id);
  return { ...change, value: typeof change.value === 'string' ? (shown[0] ?? '') : shown };
}
