import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/contract.ts';

interface Stored {
  changes?: readonly { field: string; change: string; value: unknown }[];
  /** Of an undo: the fields that it puts back. */
  shapes?: readonly { fields: readonly string[] }[];
}

/** Do the stored parameters of an operation change a field that this principal may not change (any more), or read one that they may not see? */
export function changesFixedField(resource: Resource, principal: Principal, parameters: unknown): boolean {
  const { changes = [], shapes = [] } = (parameters ?? {}) as Stored;
  const isSeen = (name: unknown) => resource.fields.some(({ meta }) => meta.name === name);
  return (
    changes.some(
      ({ field, change, value }) => !resource.bulkFields.some(({ meta }) => meta.name === field) || (change === 'copy' && !isSeen(value)),
    ) || shapes.some(({ fields }) => fields.some((name) => isFixed(resource, principal, name)))
  );
}

/** A stamp is nobody's to change, and moves with whatever is. */
export function isFixed({ model, canChange }: Resource, principal: Principal, name: string): boolean {
  return !model.fields[name]?.isUpdatedAt && !canChange(principal, name);
}

/**
 * Refuses a form that says something of a field of the model that is not on it: whoever sends that is told, not silently
 * ignored. Throws AppError 422 `fixed-field` that names the field.
 */
export function assertNoFixedField(resource: Resource, names: Iterable<string>): void {
  const { model, form } = resource;
  for (const name of names) {
    if (!Object.hasOwn(model.fields, name) || form.some((field) => field.name === name)) continue;
    const label = resource.fields.find((field) => field.name === name)?.label ?? name;
    throw new AppError('fixed-field', 422, `“${label}” is not yours to change. Nothing was saved.`, { field: name });
  }
}
