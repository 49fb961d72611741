import { AppError } from '../errors.ts';
import type { Resource } from '../resources/contract.ts';

/** Do the stored parameters of an operation change a field that this principal may not change (any more)? */
export function changesFixedField(resource: Resource, parameters: unknown): boolean {
  const { changes } = (parameters ?? {}) as { changes?: readonly { field: string }[] };
  return (changes ?? []).some(({ field }) => !resource.bulkFields.some(({ meta }) => meta.name === field));
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
